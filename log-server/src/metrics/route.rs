//! The routes of a log as label values: as many as there are, however many paths are asked for.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// What was asked for, without what it was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// `POST /add`.
    Add,
    /// `GET /checkpoint`.
    Checkpoint,
    /// An entry bundle.
    Entries,
    /// `GET /api/v1/log`.
    Log,
    /// The interface description.
    OpenApi,
    /// No route of this program.
    Other,
    /// `/healthz`, `/readyz`, `/metrics`.
    Probe,
    /// An inclusion proof.
    Proof,
    /// `GET /api/v1/entries`.
    Search,
    /// The status, or what it has for a digest.
    Status,
    /// `POST /api/v1/entries`.
    Submit,
    /// A tile of hashes.
    Tile,
}

impl Route {
    /// The route of a path below a log's prefix. `writes` tells the two methods of the entries path apart.
    #[must_use]
    pub fn of(path: &str, writes: bool) -> Self {
        match path {
            "/add" => Self::Add,
            "/checkpoint" => Self::Checkpoint,
            "/api/v1/entries" if writes => Self::Submit,
            "/api/v1/entries" => Self::Search,
            "/api/v1/log" => Self::Log,
            "/api/v1/openapi.yaml" => Self::OpenApi,
            "/status" => Self::Status,
            "/healthz" | "/readyz" | "/metrics" => Self::Probe,
            _ if path.starts_with("/tile/entries/") => Self::Entries,
            _ if path.starts_with("/tile/") => Self::Tile,
            _ if path.starts_with("/status/") => Self::Status,
            _ if path.starts_with("/api/v1/proof") || path.starts_with("/api/v1/entries/") => Self::Proof,
            _ => Self::Other,
        }
    }

    /// The label value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Checkpoint => "checkpoint",
            Self::Entries => "entries",
            Self::Log => "log",
            Self::OpenApi => "openapi",
            Self::Other => "other",
            Self::Probe => "probe",
            Self::Proof => "proof",
            Self::Search => "search",
            Self::Status => "status",
            Self::Submit => "submit",
            Self::Tile => "tile",
        }
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.name().encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_asked_for_falls_under_one_of_twelve() {
        for (path, writes, wanted) in [
            ("/checkpoint", false, Route::Checkpoint),
            ("/tile/0/x001/234", false, Route::Tile),
            ("/tile/entries/000.p/3", false, Route::Entries),
            ("/api/v1/entries", true, Route::Submit),
            ("/api/v1/entries", false, Route::Search),
            ("/api/v1/proof", false, Route::Proof),
            ("/status", false, Route::Status),
            ("/status/00", false, Route::Status),
            ("/wp-login.php", false, Route::Other),
            ("", false, Route::Other),
        ] {
            assert_eq!(Route::of(path, writes), wanted, "{path}");
        }
    }
}
