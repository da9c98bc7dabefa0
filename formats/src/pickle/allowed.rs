//! The names a pickle may import if PyTorch files are allowed: exactly these, and each only in its part.
//!
//! They are what `torch.save` needs for a dictionary of tensors, and no more. None of them takes a function and calls it, imports a
//! module, reads a file, or sets attributes by name: `torch._tensor._rebuild_from_type_v2` does, and is not here.

use super::value::Made;

/// What an allowed name may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Is called, and gives this.
    Makes(Made),
    /// Is the type of a storage, in a persistent id: bytes of one element.
    Storage(u64),
    /// Is a value.
    Constant,
}

/// Module, name, role; sorted.
pub(crate) const ALLOWED: [(&str, &str, Role); 41] = [
    ("collections", "OrderedDict", Role::Makes(Made::OrderedDict)),
    ("torch", "BFloat16Storage", Role::Storage(2)),
    ("torch", "BoolStorage", Role::Storage(1)),
    ("torch", "ByteStorage", Role::Storage(1)),
    ("torch", "CharStorage", Role::Storage(1)),
    ("torch", "ComplexDoubleStorage", Role::Storage(16)),
    ("torch", "ComplexFloatStorage", Role::Storage(8)),
    ("torch", "DoubleStorage", Role::Storage(8)),
    ("torch", "FloatStorage", Role::Storage(4)),
    ("torch", "HalfStorage", Role::Storage(2)),
    ("torch", "IntStorage", Role::Storage(4)),
    ("torch", "LongStorage", Role::Storage(8)),
    ("torch", "ShortStorage", Role::Storage(2)),
    ("torch", "Size", Role::Makes(Made::Tensor)),
    ("torch", "bfloat16", Role::Constant),
    ("torch", "bool", Role::Constant),
    ("torch", "complex128", Role::Constant),
    ("torch", "complex64", Role::Constant),
    ("torch", "device", Role::Makes(Made::Tensor)),
    ("torch", "float16", Role::Constant),
    ("torch", "float32", Role::Constant),
    ("torch", "float64", Role::Constant),
    ("torch", "float8_e4m3fn", Role::Constant),
    ("torch", "float8_e5m2", Role::Constant),
    ("torch", "int16", Role::Constant),
    ("torch", "int32", Role::Constant),
    ("torch", "int64", Role::Constant),
    ("torch", "int8", Role::Constant),
    ("torch", "uint16", Role::Constant),
    ("torch", "uint32", Role::Constant),
    ("torch", "uint64", Role::Constant),
    ("torch", "uint8", Role::Constant),
    ("torch._utils", "_rebuild_parameter", Role::Makes(Made::Tensor)),
    ("torch._utils", "_rebuild_tensor", Role::Makes(Made::Tensor)),
    ("torch._utils", "_rebuild_tensor_v2", Role::Makes(Made::Tensor)),
    ("torch._utils", "_rebuild_tensor_v3", Role::Makes(Made::Tensor)),
    ("torch.storage", "ByteStorage", Role::Storage(1)),
    ("torch.storage", "DoubleStorage", Role::Storage(8)),
    ("torch.storage", "FloatStorage", Role::Storage(4)),
    ("torch.storage", "HalfStorage", Role::Storage(2)),
    ("torch.storage", "UntypedStorage", Role::Storage(1)),
];

/// The role of a name; none if it is not on the list.
pub(crate) fn role(module: &str, name: &str) -> Option<Role> {
    let found = ALLOWED.iter().find(|(of, called, _)| *of == module && *called == name);
    found.map(|(.., role)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_pair_is_allowed() {
        assert_eq!(role("collections", "OrderedDict"), Some(Role::Makes(Made::OrderedDict)));
        for (module, name) in [
            ("collections", "OrderedDict.fromkeys"),
            ("collections", "ordereddict"),
            ("collections ", "OrderedDict"),
            ("torch._utils", "_rebuild_tensor_v2.__globals__"),
            ("torch._tensor", "_rebuild_from_type_v2"),
            ("torch", "load"),
            ("", ""),
        ] {
            assert_eq!(role(module, name), None, "{module} {name}");
        }
    }

    #[test]
    fn the_list_ascends_and_has_nothing_twice() {
        assert!(ALLOWED.is_sorted_by(|one, next| (one.0, one.1) < (next.0, next.1)));
    }
}
