//! What a model hub says of a model's files, before one of them is downloaded.
//!
//! ```text
//! GET /api/models/NAME/revision/REVISION              {"sha": the commit}
//! GET /api/models/NAME/tree/COMMIT?recursive=true     [{"type": "file", "path", "size", "lfs": {"oid": SHA-256, "size"}}]
//!                                                     and in Link the next page
//! GET /NAME/resolve/COMMIT/PATH                       a file
//! ```
//!
//! Source: the requests of `huggingface_hub` 2.4. Large files are named there by their SHA-256; of small ones the hub knows only what git does,
//! so those are read. Everything is asked about one commit, and everything is bounded: answers, pages, files, redirects, time.
//!
//! In scope: asking, and making a tree of the answers. Out of scope: whether that is the model that was signed (crate `verifier`), and whether
//! the hub says the truth: for that the files must be here.

use std::io::Read as _;
use std::str::FromStr;
use std::time::Duration;

use attest::bundle::MAX_BUNDLE_FILE_BYTES;
use attest::digest::Sha256Digest;
use attest::inert::is_inert;
use attest::model_path::{ModelPath, ModelPathError};
use attest::tree::{FileLeaf, Tree, TreeError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::blocking::{Client, Response};
use reqwest::header::{AUTHORIZATION, LINK};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use crate::key_file::KeyFileError;
use crate::log_client::{innermost, is_loopback};
use crate::log_token::LogToken;

/// Where models are asked for if the variable does not say.
const ENDPOINT: &str = "https://huggingface.co";
/// The variable that says where the hub is, as in its own client.
pub(crate) const ENDPOINT_VARIABLE: &str = "HF_ENDPOINT";
/// The variable that holds a token for models which are not for everybody, as in its own client.
const TOKEN_VARIABLE: &str = "HF_TOKEN";
/// Name of the bundle file in a repository.
const BUNDLE: &str = "tallymark.jsonl";
/// In front of a model on the hub.
const SCHEME: &str = "hf://";

/// Longest answer about a revision or a page of files, bytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;
/// Largest file that is read because the hub has no SHA-256 of it, bytes; beyond 10 MiB the hub takes none of these.
const MAX_SMALL_BYTES: u64 = 16 << 20;
/// All of these together, bytes.
const MAX_SMALL_TOTAL: u64 = 512 << 20;
/// Pages of the list of files, of a thousand each as a rule.
const MAX_PAGES: usize = 1000;
/// Files in all.
const MAX_FILES: usize = 200_000;
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Everything but what a path may show as it is, RFC 3986 section 3.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// A revision is one part of the path, slashes and all.
const REVISION_ESCAPED: &AsciiSet = &ESCAPED.add(b'/');

/// A model on the hub: `hf://acme/churn`, `hf://acme/churn@v2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HubName {
    repository: String,
    revision: String,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want hf://NAME or hf://OWNER/NAME, and behind an @ a branch, a tag or a commit")]
pub(crate) struct HubNameError;

impl HubName {
    /// Whether this is meant as a model on the hub.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Owner and name.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }
}

impl FromStr for HubName {
    type Err = HubNameError;

    fn from_str(text: &str) -> Result<Self, HubNameError> {
        let text = text.strip_prefix(SCHEME).ok_or(HubNameError)?;
        let (repository, revision) = text.split_once('@').unwrap_or((text, "main"));
        let fits = |part: &str, more: &[u8]| {
            let byte_fits =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || more.contains(&byte);
            (1..=255).contains(&part.len())
                && part.bytes().all(byte_fits)
                && !part.starts_with(['.', '-', '/'])
                && !part.contains("..")
        };
        let parts: Vec<&str> = repository.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| fits(part, b"")) || !fits(revision, b"/+") {
            return Err(HubNameError);
        }
        Ok(Self { repository: repository.to_owned(), revision: revision.to_owned() })
    }
}

/// Why the hub was not understood, or not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    /// The address of the hub is none.
    #[error("{ENDPOINT_VARIABLE} is {text:?}, want http:// or https:// and a host")]
    Endpoint { text: String },
    /// No such model or revision, or not for us.
    #[error("the hub answered {status} for {url}")]
    Absent { url: String, status: u16 },
    /// Anything else but an answer.
    #[error("the hub answered {status} for {url}, want 200")]
    Status { url: String, status: u16 },
    /// No connection, or it broke.
    #[error("no answer from the hub for {url}: {}", innermost(cause))]
    Unreachable { url: String, cause: reqwest::Error },
    /// An answer that broke off.
    #[error("the answer of the hub for {url} broke off")]
    Broken { url: String, source: std::io::Error },
    /// More than any honest answer.
    #[error("the hub answered more than {limit} bytes for {url}")]
    TooLarge { url: String, limit: u64 },
    /// Not what its interface promises.
    #[error("the hub's answer for {url} is not what was asked for: {what}")]
    Malformed { url: String, what: String },
    /// A file that no model can have.
    #[error("the hub has a file {path:?}, which cannot be part of a model")]
    Path { path: String, source: ModelPathError },
    /// The files do not form a tree.
    #[error("the files on the hub cannot be a model")]
    Tree(#[from] TreeError),
    /// The token is unfit.
    #[error(transparent)]
    Token(#[from] KeyFileError),
    /// A token goes only where nobody else can read it.
    #[error("the token in {TOKEN_VARIABLE} would go unencrypted to {url}")]
    TokenInClear { url: String },
}

/// A model as the hub offers it at one commit.
#[derive(Debug)]
pub(crate) struct Offered {
    /// 40 hex digits.
    pub(crate) commit: String,
    /// Bytes of the bundle file; `None` if there is none.
    pub(crate) bundle: Option<Vec<u8>>,
    pub(crate) tree: Tree,
    /// Files that were read, and their bytes.
    pub(crate) read: (usize, u64),
}

#[derive(Deserialize)]
struct Revision {
    sha: String,
}

#[derive(Deserialize)]
struct Item {
    r#type: String,
    path: String,
    #[serde(default)]
    size: u64,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// A hub at an address.
#[derive(Debug)]
pub(crate) struct Hub {
    client: Client,
    endpoint: Url,
    token: Option<LogToken>,
}

impl Hub {
    /// The hub that the environment names.
    ///
    /// # Errors
    /// [`HubError::Endpoint`], [`HubError::Token`], [`HubError::TokenInClear`], and [`HubError::Unreachable`] if there is no way to speak HTTP.
    pub(crate) fn find() -> Result<Self, HubError> {
        let text = std::env::var(ENDPOINT_VARIABLE).unwrap_or_else(|_| ENDPOINT.to_owned());
        let endpoint = match Url::parse(&text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.query().is_none() =>
            {
                url
            }
            _ => return Err(HubError::Endpoint { text }),
        };
        let token = LogToken::in_variable(TOKEN_VARIABLE)?;
        if token.is_some() && endpoint.scheme() != "https" && !is_loopback(&endpoint) {
            return Err(HubError::TokenInClear { url: endpoint.to_string() });
        }
        // Another provider can only be there if this ran before, and then it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("tallymark/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(follow))
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        if endpoint.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&endpoint) {
            builder = builder.no_proxy();
        }
        let url = endpoint.to_string();
        let client = builder.build().map_err(|cause| HubError::Unreachable { url, cause })?;
        Ok(Self { client, endpoint, token })
    }

    /// Asks for a model: its commit, its bundle file, its files. `look` is told after each file how many are done, and of how many.
    ///
    /// # Errors
    /// [`HubError`]; nothing is passed over but what no scan counts as part of a model.
    pub(crate) fn ask(&self, name: &HubName, look: &dyn Fn(u64, u64)) -> Result<Offered, HubError> {
        let revision = utf8_percent_encode(&name.revision, REVISION_ESCAPED);
        let url = self.url(&format!("api/models/{}/revision/{revision}", name.repository))?;
        let revision: Revision = self.json(&url)?.0;
        let commit = revision.sha;
        if commit.len() != 40 || !commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(malformed(&url, format!("commit {commit:?}, want 40 hex digits")));
        }
        let items = self.items(name, &commit)?;
        let total = items.iter().fold(0_u64, |sum, item| sum.saturating_add(item.size));
        let (mut leaves, mut bundle, mut read, mut done) = (Vec::new(), None, (0, 0_u64), 0_u64);
        for item in items {
            let path = ModelPath::from_str(&item.path)
                .map_err(|source| HubError::Path { path: item.path.clone(), source })?;
            if item.path == BUNDLE {
                bundle = Some(self.file(name, &commit, &item.path, MAX_BUNDLE_FILE_BYTES as u64)?);
            }
            if is_inert(&path) {
                continue;
            }
            let digest = match &item.lfs {
                Some(lfs) => self.promised(&item, lfs)?,
                None => {
                    let bytes = self.small(name, &commit, &item, read.1)?;
                    read = (read.0 + 1, read.1 + item.size);
                    Sha256Digest::of(&bytes)
                }
            };
            done = done.saturating_add(item.size);
            look(done, total);
            leaves.push(FileLeaf::new(path, item.size, digest));
        }
        Ok(Offered { commit, bundle, tree: Tree::new(leaves)?, read })
    }

    /// All files of a commit.
    fn items(&self, name: &HubName, commit: &str) -> Result<Vec<Item>, HubError> {
        let mut next =
            Some(self.url(&format!("api/models/{}/tree/{commit}?recursive=true", name.repository))?);
        let mut items = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(url) = next else { return Ok(items) };
            let (page, after): (Vec<Item>, Option<Url>) = self.json(&url)?;
            for item in page {
                match item.r#type.as_str() {
                    "file" => items.push(item),
                    "directory" => {}
                    other => return Err(malformed(&url, format!("an item of type {other:?}"))),
                }
            }
            if items.len() > MAX_FILES {
                return Err(malformed(&url, format!("more than {MAX_FILES} files")));
            }
            next = after;
        }
        match next {
            None => Ok(items),
            Some(url) => Err(malformed(&url, format!("more than {MAX_PAGES} pages of files"))),
        }
    }

    /// The digest that the hub has of a large file.
    fn promised(&self, item: &Item, lfs: &Lfs) -> Result<Sha256Digest, HubError> {
        let digest = lfs.oid.parse().ok().filter(|_| lfs.size == item.size);
        digest.ok_or_else(|| malformed(&self.endpoint, format!("digest or size of {:?}", item.path)))
    }

    /// A file that the hub has no digest of.
    fn small(&self, name: &HubName, commit: &str, item: &Item, before: u64) -> Result<Vec<u8>, HubError> {
        if item.size > MAX_SMALL_BYTES || before.saturating_add(item.size) > MAX_SMALL_TOTAL {
            let what = format!("{} bytes without a digest in {:?}", item.size, item.path);
            return Err(malformed(&self.endpoint, what));
        }
        let bytes = self.file(name, commit, &item.path, item.size)?;
        if bytes.len() as u64 != item.size {
            let what = format!("{} bytes of {:?}, want {}", bytes.len(), item.path, item.size);
            return Err(malformed(&self.endpoint, what));
        }
        Ok(bytes)
    }

    fn file(&self, name: &HubName, commit: &str, path: &str, limit: u64) -> Result<Vec<u8>, HubError> {
        let path = utf8_percent_encode(path, ESCAPED);
        let url = self.url(&format!("{}/resolve/{commit}/{path}", name.repository))?;
        body(&url, self.get(&url)?, limit)
    }

    /// An answer in JSON, and the address of the next page.
    fn json<T: for<'a> Deserialize<'a>>(&self, url: &Url) -> Result<(T, Option<Url>), HubError> {
        let response = self.get(url)?;
        let next = match next_page(&response) {
            None => None,
            // A page of another host would be another hub's word.
            Some(next) => match self.endpoint.join(&next) {
                Ok(next) if next.origin() == self.endpoint.origin() => Some(next),
                _ => return Err(malformed(url, format!("next page at {next:?}"))),
            },
        };
        let bytes = body(url, response, MAX_ANSWER_BYTES)?;
        let value = serde_json::from_slice(&bytes).map_err(|error| malformed(url, error.to_string()))?;
        Ok((value, next))
    }

    fn get(&self, url: &Url) -> Result<Response, HubError> {
        let mut request = self.client.get(url.clone());
        if let Some(token) = self.token.as_ref().and_then(LogToken::header) {
            request = request.header(AUTHORIZATION, token);
        }
        let shown = url.to_string();
        let unreachable =
            |cause: reqwest::Error| HubError::Unreachable { url: shown.clone(), cause: cause.without_url() };
        let response = request.send().map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {
                Err(HubError::Absent { url: shown, status: status.as_u16() })
            }
            status => Err(HubError::Status { url: shown, status: status.as_u16() }),
        }
    }

    fn url(&self, path: &str) -> Result<Url, HubError> {
        let base = self.endpoint.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{path}")).map_err(|_| HubError::Endpoint { text: base.to_owned() })
    }
}

/// Follows a few redirects, and none from an encrypted connection to an open one.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let was_open = attempt.previous().iter().all(|url| url.scheme() == "http");
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    if attempt.url().scheme() != "https" && !was_open {
        return attempt.error("a redirect to an unencrypted address");
    }
    attempt.follow()
}

/// The address that a `Link` (RFC 8288) names as the next one.
fn next_page(response: &Response) -> Option<String> {
    let links = response.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|links| links.split(',')).find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| address.to_owned())
    })
}

fn body(url: &Url, response: Response, limit: u64) -> Result<Vec<u8>, HubError> {
    let mut body = Vec::new();
    let read = response.take(limit + 1).read_to_end(&mut body);
    if body.len() as u64 > limit {
        return Err(HubError::TooLarge { url: url.to_string(), limit });
    }
    match read {
        Ok(_) => Ok(body),
        Err(source) => Err(HubError::Broken { url: url.to_string(), source }),
    }
}

fn malformed(url: &Url, what: String) -> HubError {
    HubError::Malformed { url: url.to_string(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_or_two_parts_and_a_revision() {
        let name = |text: &str| text.parse::<HubName>().map(|name| (name.repository, name.revision));
        let found = |repository: &str, revision: &str| Ok((repository.to_owned(), revision.to_owned()));
        assert_eq!(name("hf://acme/churn"), found("acme/churn", "main"));
        assert_eq!(name("hf://gpt2@v1.0"), found("gpt2", "v1.0"));
        assert_eq!(name("hf://acme/churn@refs/pr/1"), found("acme/churn", "refs/pr/1"));
        for bad in [
            "acme/churn",
            "hf://",
            "hf://a/b/c",
            "hf:///b",
            "hf://a/",
            "hf://a/..",
            "hf://a/b@",
            "hf://a/b@..",
            "hf://a/b@x@y",
            "hf://a?b/c",
            "hf://a/b#c",
            "hf://-a/b",
        ] {
            assert_eq!(name(bad), Err(HubNameError), "{bad}");
        }
    }
}
