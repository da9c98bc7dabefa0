//! A directory that is held open: its names, and what lies under each.
//!
//! What is asked relative to an open directory costs one component instead of a whole path, and is answered by the directory
//! that was opened, whatever its path leads to by now.

#[cfg_attr(target_os = "linux", path = "directory/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "directory/elsewhere.rs")]
mod system;

use std::cmp::Ordering;
use std::ffi::OsString;

pub(super) use self::system::Directory;

/// A name in a directory.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) name: OsString,
    /// As the listing has it; what lies there is looked at again.
    is_directory: bool,
}

/// The order in which paths stand in a tree: those below `a` behind `a-b`, since `/` comes after `-`.
fn by_path(a: &Name, b: &Name) -> Ordering {
    let (bytes_a, bytes_b) = (a.name.as_encoded_bytes(), b.name.as_encoded_bytes());
    let common = bytes_a.len().min(bytes_b.len());
    let next = |bytes: &[u8], name: &Name| bytes.get(common).copied().or(name.is_directory.then_some(b'/'));
    let (start_a, start_b) = (bytes_a.get(..common), bytes_b.get(..common));
    start_a.cmp(&start_b).then_with(|| next(bytes_a, a).cmp(&next(bytes_b, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_paths_below_them() {
        let names = [
            ("a", false),
            ("a", true),
            ("a-", false),
            ("a.b", true),
            ("a0", false),
            ("ab", true),
            ("b", false),
        ];
        let path =
            |(name, is_directory): (&str, bool)| format!("{name}{}", if is_directory { "/x" } else { "" });
        let name = |(name, is_directory): (&str, bool)| Name { name: name.into(), is_directory };
        for (a, b) in names.into_iter().flat_map(|a| names.map(|b| (a, b))) {
            assert_eq!(by_path(&name(a), &name(b)), path(a).cmp(&path(b)), "{a:?} {b:?}");
        }
    }
}
