//! No leftover markers of unfinished work.

use super::Page;

/// Lines that hold a marker, in sources, manifests, scripts and prose.
pub(super) fn leftover(pages: &[Page]) -> Vec<String> {
    // Put together here, so that this file does not find itself.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["X", "XX"].concat()];
    let calls = ["dbg", "todo", "unimplemented"].map(|name| format!("{name}!("));
    let mut complaints = Vec::new();
    let looked_at = pages.iter().filter(|page| {
        !page.path.starts_with("testdata/")
            && [".rs", ".toml", ".md", ".go", ".txt", ".ci/run"].iter().any(|end| page.path.ends_with(end))
    });
    for page in looked_at {
        for (index, line) in page.text.lines().enumerate() {
            let as_word =
                |word: &&String| line.split(|c: char| !c.is_alphanumeric()).any(|part| part == word.as_str());
            let as_call = |call: &&String| line.contains(call.as_str());
            if let Some(marker) = words.iter().find(as_word).or_else(|| calls.iter().find(as_call)) {
                complaints.push(format!("{}:{}: leftover `{marker}`", page.path, index + 1));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_refused_as_a_word_and_as_a_call_but_not_inside_another_word() {
        let word = ["TO", "DO"].concat();
        let call = ["todo", "!()"].concat();
        let page =
            Page::new("a/src/x.rs", &format!("// {word}: later\nfn f() {{ {call} }}\nlet {word}S = 1;\n"));
        let found = leftover(&[page, Page::new("testdata/x.txt", &word)]);
        assert_eq!(
            found,
            [format!("a/src/x.rs:1: leftover `{word}`"), format!("a/src/x.rs:2: leftover `{}`", &call[..6])]
        );
    }
}
