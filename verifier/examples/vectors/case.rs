//! One case: a folder with the model, its bundle file, the trust file and what the verdict must be.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::world::{File, files, plain_trust};
use verifier::Reason;

#[derive(Clone)]
/// A case before it is written. The model is the folder `model`, unless it is a single file.
pub(crate) struct Case {
    name: &'static str,
    why: &'static str,
    /// The code of the refusal; `None` if the model is to be verified.
    reason: Option<Reason>,
    model: &'static str,
    files: Vec<File>,
    links: Vec<(&'static str, &'static str)>,
    bundle: Option<Vec<u8>>,
    trust_name: &'static str,
    trust: Option<String>,
    expected_name: Option<&'static str>,
    expected_version: Option<&'static str>,
    stage: Option<&'static str>,
    at: Option<&'static str>,
    lineage: Vec<(&'static str, Vec<u8>)>,
    lineage_name: Option<&'static str>,
}

impl Case {
    /// The model of most cases with this bundle file, trusted as in most cases, to be verified.
    pub(crate) fn new(name: &'static str, why: &'static str, bundle: impl Into<Vec<u8>>) -> Self {
        Self {
            name,
            why,
            reason: None,
            model: "model",
            files: files(),
            links: Vec::new(),
            bundle: Some(bundle.into()),
            trust_name: "trust.toml",
            trust: Some(plain_trust()),
            expected_name: None,
            expected_version: None,
            stage: None,
            at: None,
            lineage: Vec::new(),
            lineage_name: None,
        }
    }

    /// Another bundle file.
    pub(crate) fn bundle(mut self, bundle: impl Into<Vec<u8>>) -> Self {
        self.bundle = Some(bundle.into());
        self
    }

    pub(crate) fn refused(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn files(mut self, files: Vec<File>) -> Self {
        self.files = files;
        self
    }

    /// Changes the content of one file.
    pub(crate) fn change(mut self, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.files.iter_mut().find(|(name, _)| *name == path).expect("a path of the model").1);
        self
    }

    pub(crate) fn add(mut self, path: &'static str, content: &[u8]) -> Self {
        self.files.push((path, content.to_vec()));
        self
    }

    pub(crate) fn link(mut self, path: &'static str, target: &'static str) -> Self {
        self.links.push((path, target));
        self
    }

    /// The model is that single file.
    pub(crate) fn single(mut self, file: File) -> Self {
        self.model = file.0;
        self.files = vec![file];
        self
    }

    pub(crate) fn trust(mut self, trust: impl Into<Option<String>>) -> Self {
        self.trust = trust.into();
        self
    }

    /// Names another trust file.
    pub(crate) fn trust_at(mut self, path: &'static str) -> Self {
        self.trust_name = path;
        self
    }

    pub(crate) fn model_at(mut self, path: &'static str) -> Self {
        self.model = path;
        self
    }

    pub(crate) fn no_bundle(mut self) -> Self {
        self.bundle = None;
        self
    }

    pub(crate) fn expecting(mut self, name: Option<&'static str>, version: Option<&'static str>) -> Self {
        self.expected_name = name;
        self.expected_version = version;
        self
    }

    /// The model is for that stage.
    pub(crate) fn at_stage(mut self, stage: &'static str) -> Self {
        self.stage = Some(stage);
        self
    }

    /// It is judged at that time.
    pub(crate) fn at(mut self, time: &'static str) -> Self {
        self.at = Some(time);
        self
    }

    /// A bundle file of that name lies in the folder `lineage`, which is given.
    pub(crate) fn lineage(mut self, name: &'static str, bundle: impl Into<Vec<u8>>) -> Self {
        self.lineage.push((name, bundle.into()));
        self.lineage_at("lineage")
    }

    /// What is given is that path.
    pub(crate) fn lineage_at(mut self, path: &'static str) -> Self {
        self.lineage_name = Some(path);
        self
    }

    pub(crate) fn write(&self, folder: &Path) {
        let case = folder.join(self.name);
        let is_single = self.files.len() == 1 && self.files[0].0 == self.model;
        let root = if is_single { case.clone() } else { case.join("model") };
        let put = |path: &Path, bytes: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for (path, bytes) in &self.files {
            put(&root.join(path), bytes);
        }
        for (path, target) in &self.links {
            #[cfg(unix)]
            std::os::unix::fs::symlink(target, root.join(path)).unwrap();
            #[cfg(not(unix))]
            panic!("no symbolic links here: {path} to {target}");
        }
        if let Some(bundle) = &self.bundle {
            let path =
                if is_single { format!("{}.tallymark.jsonl", self.model) } else { "tallymark.jsonl".into() };
            put(&root.join(path), bundle);
        }
        if let Some(trust) = &self.trust {
            put(&case.join(self.trust_name), trust.as_bytes());
        }
        for (name, bundle) in &self.lineage {
            put(&case.join("lineage").join(name), bundle);
        }
        put(&case.join("case.toml"), self.describe().as_bytes());
    }

    fn describe(&self) -> String {
        let mut text = format!("why = \"{}\"\nmodel = \"{}\"\n", self.why, self.model);
        let mut member = |key: &str, value: &str| writeln!(text, "{key} = \"{value}\"").unwrap();
        if self.trust.is_some() || self.trust_name != "trust.toml" {
            member("trust", self.trust_name);
        }
        if let Some(name) = self.expected_name {
            member("name", name);
        }
        if let Some(version) = self.expected_version {
            member("version", version);
        }
        if let Some(stage) = self.stage {
            member("stage", stage);
        }
        if let Some(at) = self.at {
            member("at", at);
        }
        if let Some(lineage) = self.lineage_name {
            member("lineage", lineage);
        }
        match self.reason {
            None => text.push_str("verdict = \"verified\"\nexit = 0\n"),
            Some(reason) => {
                let (class, exit, step) = (reason.class(), reason.exit_code(), reason.step().number());
                write!(text, "verdict = \"{class}\"\nreason = \"{reason}\"\nexit = {exit}\nstep = {step}\n")
                    .unwrap();
            }
        }
        text
    }
}
