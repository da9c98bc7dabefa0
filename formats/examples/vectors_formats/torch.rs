//! PyTorch files: as it writes them, and changed in one thing.

use crate::case::Case;
use crate::zip::{Descriptor, Member, member, zip};

/// The pickle of a dictionary with one tensor of three floats.
pub(crate) fn state(elements: u8) -> Vec<u8> {
    let storage =
        [&b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK"[..], &[elements], b"tQ"]
            .concat();
    [
        &b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("[..],
        &storage,
        b"K\x00K\x03\x85K\x01\x85\x89h\x00)RtRs}X\x09\0\0\0_metadatah\x00)Rsb.",
    ]
    .concat()
}

/// A PyTorch zip around a pickle.
pub(crate) fn members(pickle: &[u8]) -> Vec<Member> {
    let mut members = vec![
        member("archive/data.pkl", pickle),
        member("archive/byteorder", b"little"),
        member("archive/data/0", &[0; 12]),
        member("archive/version", b"3\n"),
        member("archive/.data/serialization_id", &[b'7'; 40]),
    ];
    for one in &mut members {
        one.descriptor = Descriptor::Right;
        // PyTorch puts data at multiples of 64 by padding of this kind.
        one.extra = [&b"FB\x05\0"[..], b"ZZZZZ"].concat();
    }
    members
}

/// A PyTorch file of before 1.6.
fn legacy(content: &[u8], tensors: &[u8]) -> Vec<u8> {
    let count =
        if tensors.is_empty() { Vec::new() } else { (tensors.len() as u64 / 4).to_le_bytes().to_vec() };
    [
        &b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..],
        b"\x80\x02M\xe9\x03.",
        b"\x80\x02}X\x0d\0\0\0little_endian\x88s.",
        content,
        b"\x80\x02]X\x01\0\0\x000a.",
        &count,
        tensors,
    ]
    .concat()
}

pub(crate) fn add(cases: &mut Vec<Case>) {
    let file = |members: &[Member]| ("pytorch_model.bin", zip(members));
    let plain = zip(&members(&state(3)));
    cases.push(Case::refused(
        "torch-zip",
        "tensors alone, in a pickle all the same",
        ("pytorch_model.bin", plain.clone()),
        "torch",
        &["pickle"],
    ));
    cases.push(
        Case::allowed(
            "torch-zip-allowed",
            "tensors alone, where PyTorch is allowed",
            "torch",
            vec![("pytorch_model.bin", plain)],
        )
        .with_torch(),
    );
    let old = legacy(&state(3), &[0; 12]);
    cases.push(Case::refused(
        "torch-legacy",
        "PyTorch before 1.6",
        ("model.pth", old.clone()),
        "torch-legacy",
        &["pickle"],
    ));
    cases.push(
        Case::allowed(
            "torch-legacy-allowed",
            "PyTorch before 1.6, where PyTorch is allowed",
            "torch-legacy",
            vec![("model.pth", old)],
        )
        .with_torch(),
    );

    let call = b"\x80\x02cos\nsystem\nX\x04\0\0\0echo\x85R.";
    let refused =
        |name: &str, why: &str, file: (&str, Vec<u8>), format: &'static str, reasons: &[&'static str]| {
            Case::refused(name, why, file, format, reasons).with_torch()
        };
    cases.push(refused(
        "torch-zip-call",
        "its pickle calls os.system",
        file(&members(call)),
        "torch",
        &["pickle-global"],
    ));
    cases.push(refused(
        "torch-legacy-call",
        "the fourth pickle calls os.system",
        ("model.pth", legacy(call, &[])),
        "torch-legacy",
        &["pickle-global"],
    ));
    let model = b"\x80\x02cnetwork\nNet\n)\x81}X\x01\0\0\0wK\x01sb.";
    cases.push(refused(
        "torch-zip-whole-model",
        "torch.save of a whole model: a class of its own",
        file(&members(model)),
        "torch",
        &["pickle-global"],
    ));
    cases.push(refused(
        "torch-zip-size",
        "the pickle says a storage has four elements, there are three",
        file(&members(&state(4))),
        "torch",
        &["pickle-persistent-id"],
    ));
    let mut without = members(&state(3));
    without.remove(2);
    cases.push(refused(
        "torch-zip-missing",
        "the pickle names a storage that is not there",
        file(&without),
        "torch",
        &["pickle-persistent-id"],
    ));
    let behind = [&state(3)[..], b"cos\nsystem\n."].concat();
    cases.push(refused(
        "torch-zip-trailing",
        "B54: bytes behind its pickle",
        file(&members(&behind)),
        "torch",
        &["pickle-trailing"],
    ));
    cases.push(refused(
        "torch-legacy-trailing",
        "B54: four bytes behind the tensors",
        ("model.pth", legacy(&state(3), &[0; 16])),
        "torch-legacy",
        &["pickle-trailing"],
    ));
    let mut other = members(&state(3));
    other.push(member("archive/extra.pkl", call));
    cases.push(refused(
        "torch-zip-second-pickle",
        "a second pickle in the archive",
        file(&other),
        "torch",
        &["format-not-allowed", "pickle", "pickle-global"],
    ));
    let mut code = members(&state(3));
    code.push(member("archive/code/__torch__.py", b"def forward(self, x):\n  return x\n"));
    cases.push(Case::refused(
        "torch-script",
        "TorchScript: the archive has code",
        ("model.pt", zip(&code)),
        "torch-script",
        &["format-not-allowed", "pickle"],
    ));
    let mut export = members(&state(3));
    export.push(member("archive/archive_format", b"pt2"));
    export.push(member("archive/models/model.json", b"{}"));
    cases.push(Case::refused(
        "torch-export",
        "a program exported by PyTorch",
        ("model.pt2", zip(&export)),
        "torch-export",
        &["format-not-allowed", "pickle"],
    ));
    let mut deflated = members(call);
    deflated[0].deflated = true;
    deflated[0].descriptor = Descriptor::None;
    cases.push(refused(
        "torch-zip-deflated",
        "its pickle is deflated",
        file(&deflated),
        "torch",
        &["pickle-global"],
    ));
    let mut broken = members(call);
    broken[0].crc = Some(0);
    cases.push(refused(
        "torch-zip-checksum",
        "the checksum of its pickle is another: some readers give up there, others load",
        file(&broken),
        "torch",
        &["checksum-mismatch"],
    ));
}
