//! A report as rows for people, as JSON, and as SARIF 2.1.0.

mod json;
mod sarif;
mod text;

pub use self::json::json;
pub use self::sarif::sarif;
pub use self::text::text;
