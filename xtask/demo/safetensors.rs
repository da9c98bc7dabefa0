//! The part of the safetensors format that this small model needs: 32-bit floats, one after the other.
//!
//! A file is the length of the header (8 bytes, little-endian), the header in JSON, the numbers in little-endian.

/// A named block of numbers.
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: &'a [usize],
    pub(crate) values: &'a [f32],
}

/// The file that holds these tensors, in this order. Names must be plain: they are not escaped.
pub(crate) fn to_bytes(tensors: &[Tensor<'_>]) -> Vec<u8> {
    let mut start = 0;
    let mut entries = Vec::new();
    for tensor in tensors {
        let end = start + 4 * tensor.values.len();
        entries.push(format!(
            r#""{}":{{"dtype":"F32","shape":{:?},"data_offsets":[{start},{end}]}}"#,
            tensor.name, tensor.shape
        ));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    // Readers that map the file want the numbers aligned to 8 bytes; spaces after the JSON are part of the format.
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    for tensor in tensors {
        bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// All numbers of a file of 32-bit floats, in order; nothing if it is not laid out like one.
pub(crate) fn numbers(bytes: &[u8]) -> Option<Vec<f32>> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let data = rest.get(usize::try_from(u64::from_le_bytes(*length)).ok()?..)?;
    let (numbers, odd) = data.as_chunks::<4>();
    odd.is_empty().then(|| numbers.iter().map(|four| f32::from_le_bytes(*four)).collect())
}
