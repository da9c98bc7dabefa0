//! Lines of comma-separated fields as Python's `csv` writes them (RFC 4180, with any line end).
//!
//! ```text
//! numpy/a.py,sha256=x,5
//! "with,comma and ""quotes""",sha256=y,6
//! ```

/// Why a text is not such lines.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub(super) struct CsvError {
    line: usize,
    fault: &'static str,
}

/// Reads rows of exactly `N` fields; calls `take` with the number of the first line of each and its fields.
pub(super) fn rows<const N: usize, E: From<CsvError>>(
    text: &str,
    mut take: impl FnMut(usize, [String; N]) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader { rest: text, line: 1 };
    while !reader.rest.is_empty() {
        let line = reader.line;
        let row = reader.row()?;
        let row = <[String; N]>::try_from(row)
            .map_err(|_| CsvError { line, fault: "not the right number of fields" })?;
        take(line, row)?;
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn row(&mut self) -> Result<Vec<String>, CsvError> {
        let mut row = Vec::new();
        loop {
            let field = if self.take("\"") { self.quoted()? } else { self.plain()? };
            row.push(field);
            // A hostile row of a million fields is refused at the fourth.
            if row.len() > 3 {
                return Err(self.fault("not the right number of fields"));
            }
            if self.take(",") {
                continue;
            }
            if self.rest.is_empty() || self.take("\r\n") || self.take("\n") {
                self.line += 1;
                return Ok(row);
            }
            return Err(self.fault("text behind a closing quote"));
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    const fn fault(&self, fault: &'static str) -> CsvError {
        CsvError { line: self.line, fault }
    }

    fn plain(&mut self) -> Result<String, CsvError> {
        let end = self.rest.find([',', '\n', '\r', '"']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at_checked(end).ok_or_else(|| self.fault("broken text"))?;
        if rest.starts_with('"') || (rest.starts_with('\r') && !rest.starts_with("\r\n")) {
            return Err(self.fault("a quote or a carriage return inside a field that is not quoted"));
        }
        self.rest = rest;
        Ok(field.to_owned())
    }

    fn quoted(&mut self) -> Result<String, CsvError> {
        let mut field = String::new();
        loop {
            let Some((before, rest)) = self.rest.split_once('"') else {
                return Err(self.fault("a quote that is not closed"));
            };
            field.push_str(before);
            self.line += before.matches('\n').count();
            self.rest = rest;
            if !self.take("\"") {
                return Ok(field);
            }
            field.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<[String; 3]>, CsvError> {
        let mut read = Vec::new();
        rows(text, |_, row| {
            read.push(row);
            Ok::<_, CsvError>(())
        })?;
        Ok(read)
    }

    #[test]
    fn fields_are_read_as_python_writes_them() {
        let wanted = [["a", "", "1"], ["b,\"c\"\nd", "x", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(read("a,,1\r\n\"b,\"\"c\"\"\nd\",x,\n").expect("rows"), wanted);
        assert_eq!(read("a,,1\n\"b,\"\"c\"\"\nd\",x,").expect("no last line end"), wanted);
        assert_eq!(read("").expect("nothing"), Vec::<[String; 3]>::new());
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for text in ["a,b\n", "a,b,c,d\n", "\n", "a\"b,,\n", "\"a,,\n", "\"a\"b,,\n", "a\rb,,\n", "a,,\n\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
