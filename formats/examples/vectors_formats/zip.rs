//! A writer of zips that can be told to lie.

/// One member.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) deflated: bool,
    pub(crate) flags: u16,
    pub(crate) method: Option<u16>,
    pub(crate) attributes: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) central_extra: Vec<u8>,
    /// Changed in the header in front of the data alone.
    pub(crate) local_name: Option<String>,
    pub(crate) local_size: Option<u32>,
    pub(crate) local_method: Option<u16>,
    pub(crate) crc: Option<u32>,
    /// Bytes between this member and the next.
    pub(crate) gap: Vec<u8>,
    pub(crate) descriptor: Descriptor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descriptor {
    None,
    Right,
    Wrong,
}

pub(crate) fn member(name: &str, content: &[u8]) -> Member {
    Member {
        name: name.to_owned(),
        content: content.to_vec(),
        deflated: false,
        flags: 0,
        method: None,
        attributes: 0,
        extra: Vec::new(),
        central_extra: Vec::new(),
        local_name: None,
        local_size: None,
        local_method: None,
        crc: None,
        gap: Vec::new(),
        descriptor: Descriptor::None,
    }
}

/// What stands around the members.
#[derive(Clone, Default)]
pub(crate) struct Around {
    pub(crate) prefix: Vec<u8>,
    pub(crate) suffix: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    /// More members than there are.
    pub(crate) more: u16,
    /// This one is in the directory twice.
    pub(crate) twice: Option<usize>,
    /// Not counted by the offsets: the directory is behind the prefix, but says that there is none.
    pub(crate) zip64: bool,
}

pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    zip_with(members, &Around::default())
}

pub(crate) fn zip_with(members: &[Member], around: &Around) -> Vec<u8> {
    let mut out = around.prefix.clone();
    let mut directory = Vec::new();
    for (at, one) in members.iter().enumerate() {
        let data = if one.deflated {
            miniz_oxide::deflate::compress_to_vec(&one.content, 6)
        } else {
            one.content.clone()
        };
        let method = one.method.unwrap_or(if one.deflated { 8 } else { 0 });
        let crc = one.crc.unwrap_or_else(|| crc32(&one.content));
        let (packed, size) = (narrow(data.len()), narrow(one.content.len()));
        let later = one.descriptor != Descriptor::None;
        let flags = one.flags | if later { 8 } else { 0 };
        let offset = narrow(out.len());
        let local_name = one.local_name.as_ref().unwrap_or(&one.name);
        let local = if later { [0, 0, 0] } else { [crc, packed, one.local_size.unwrap_or(size)] };
        out.extend(b"PK\x03\x04\x14\x00");
        put16(&mut out, &[flags, one.local_method.unwrap_or(method), 0, 0x21]);
        put32(&mut out, &local);
        put16(&mut out, &[short(local_name.len()), short(one.extra.len())]);
        out.extend(local_name.as_bytes());
        out.extend(&one.extra);
        out.extend(&data);
        if later {
            out.extend(b"PK\x07\x08");
            let wrong = u32::from(one.descriptor == Descriptor::Wrong);
            put32(&mut out, &[crc ^ wrong, packed, size]);
        }
        out.extend(&one.gap);
        let mut entry = b"PK\x01\x02\x14\x03\x14\x00".to_vec();
        put16(&mut entry, &[flags, method, 0, 0x21]);
        put32(&mut entry, &[crc, packed, size]);
        put16(&mut entry, &[short(one.name.len()), short(one.central_extra.len()), 0, 0, 0]);
        put32(&mut entry, &[one.attributes, offset]);
        entry.extend(one.name.as_bytes());
        entry.extend(&one.central_extra);
        directory.extend(&entry);
        if around.twice == Some(at) {
            directory.extend(&entry);
        }
    }
    let at = narrow(out.len());
    let count = short(members.len()) + around.more + u16::from(around.twice.is_some());
    out.extend(&directory);
    if around.zip64 {
        let record = out.len() as u64;
        out.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
        for number in [u64::from(count) + 1, u64::from(count) + 1, directory.len() as u64, u64::from(at)] {
            out.extend(number.to_le_bytes());
        }
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(record.to_le_bytes());
        out.extend(b"\x01\0\0\0");
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    put16(&mut out, &[count, count]);
    put32(&mut out, &[narrow(directory.len()), at]);
    put16(&mut out, &[short(around.comment.len())]);
    out.extend(&around.comment);
    out.extend(&around.suffix);
    out
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("small")
}

fn short(len: usize) -> u16 {
    u16::try_from(len).expect("short")
}

fn put16(out: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

/// CRC-32, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
