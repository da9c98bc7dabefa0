//! The predicate's members, in the order in which they are written.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::compact_json;
use crate::digest::Sha256Digest;
use crate::form::Form;
use crate::private_value::Commitment;
use crate::role::Role;
use crate::types;

use super::{Byproduct, Checkout, Extent, Fact, Input, InputDigest, Provenance, Run, WorkTreeState};

/// SLSA provenance v1, as much of it as we write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    build_definition: BuildDefinitionJson<'a>,
    run_details: RunDetailsJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinitionJson<'a> {
    build_type: &'static str,
    external_parameters: ExternalParametersJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal_parameters: Option<InternalParametersJson<'a>>,
    resolved_dependencies: Vec<DependencyJson<'a>>,
}

#[derive(Serialize)]
struct ExternalParametersJson<'a> {
    relation: &'static str,
    inputs: NamesByRole<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<EntrypointJson<'a>>,
}

#[derive(Serialize)]
struct EntrypointJson<'a> {
    program: &'a str,
    args: &'a [String],
}

#[derive(Serialize)]
struct InternalParametersJson<'a> {
    facts: Vec<FactJson<'a>>,
}

#[derive(Serialize)]
struct FactJson<'a> {
    topic: &'static str,
    about: &'a str,
    key: &'a str,
    value: &'a str,
    source: &'static str,
    at: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataJson {
    started_on: String,
    finished_on: String,
}

#[derive(Serialize)]
struct ByproductJson<'a> {
    name: &'a str,
    digest: DigestSetJson,
    annotations: ByproductAnnotationsJson,
}

#[derive(Serialize)]
struct ByproductAnnotationsJson {
    role: &'static str,
    bytes: String,
}

/// An object from role to names, in the order of the roles' numbers.
struct NamesByRole<'a>(&'a Provenance);

impl Serialize for NamesByRole<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for role in Role::ALL {
            let names: Vec<&str> = self.0.names(role).map(super::InputName::as_str).collect();
            if !names.is_empty() {
                map.serialize_entry(role.as_str(), &names)?;
            }
        }
        map.end()
    }
}

/// An input, as every predicate that has some writes it.
#[derive(Serialize)]
pub(crate) struct DependencyJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    digest: DigestSetJson,
    annotations: AnnotationsJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestSetJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_tree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<String>,
}

/// What is committed to in place of a digest.
#[derive(Serialize)]
struct PrivateDigestJson {
    digest: DigestSetJson,
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dirty: Option<bool>,
}

#[derive(Serialize)]
struct AnnotationsJson {
    role: &'static str,
    form: &'static str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dirty: Option<bool>,
}

#[derive(Serialize)]
struct RunDetailsJson<'a> {
    builder: BuilderJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    byproducts: Vec<ByproductJson<'a>>,
}

#[derive(Serialize)]
struct BuilderJson<'a> {
    id: &'static str,
    version: BTreeMap<&'static str, &'a str>,
}

impl Provenance {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        PredicateJson {
            build_definition: BuildDefinitionJson {
                build_type: types::BUILD_TYPE_TRAIN_V1,
                external_parameters: ExternalParametersJson {
                    relation: self.relation.as_str(),
                    inputs: NamesByRole(self),
                    entrypoint: self.run.entrypoint().map(|entrypoint| EntrypointJson {
                        program: entrypoint.program(),
                        args: entrypoint.args(),
                    }),
                },
                internal_parameters: internal_parameters(&self.run),
                resolved_dependencies: self.inputs.iter().map(DependencyJson::of).collect(),
            },
            run_details: RunDetailsJson {
                builder: BuilderJson {
                    id: self.builder_id(),
                    version: BTreeMap::from([(super::TOOL, self.tool_version.as_str())]),
                },
                metadata: self.run.span().map(|(started, finished)| MetadataJson {
                    started_on: started.to_string(),
                    finished_on: finished.to_string(),
                }),
                byproducts: self.run.byproducts().iter().map(byproduct).collect(),
            },
        }
    }
}

fn internal_parameters(run: &Run) -> Option<InternalParametersJson<'_>> {
    let facts: Vec<_> = run.facts().iter().map(fact).collect();
    (!facts.is_empty()).then_some(InternalParametersJson { facts })
}

fn fact(fact: &Fact) -> FactJson<'_> {
    FactJson {
        topic: fact.topic().as_str(),
        about: fact.about(),
        key: fact.key(),
        value: fact.value(),
        source: fact.source().as_str(),
        at: fact.at(),
    }
}

fn byproduct(byproduct: &Byproduct) -> ByproductJson<'_> {
    ByproductJson {
        name: byproduct.name().as_str(),
        digest: sha256_only(byproduct.digest()),
        annotations: ByproductAnnotationsJson {
            role: byproduct.role().as_str(),
            bytes: byproduct.bytes().to_string(),
        },
    }
}

impl<'a> DependencyJson<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let (digest, form, files, bytes, dirty) = match input.digest() {
            InputDigest::Tree { digest, extent } => {
                let (files, bytes) = extent_members(*extent);
                (sha256_only(digest.digest()), Form::ModelTree.as_str(), files, bytes, None)
            }
            InputDigest::File { digest, bytes } => {
                (sha256_only(*digest), Form::File.as_str(), None, bytes.map(|bytes| bytes.to_string()), None)
            }
            InputDigest::Code(checkout) => {
                let (files, bytes) = extent_members(checkout.sources().and_then(|(_, extent)| extent));
                let form = match checkout.sources() {
                    Some(_) => Form::ModelTree.as_str(),
                    None => super::FORM_GIT,
                };
                let dirty = checkout.state() == WorkTreeState::Dirty;
                (checkout_digests(checkout), form, files, bytes, Some(dirty))
            }
            InputDigest::Private(commitment) => {
                (private_only(*commitment), super::FORM_PRIVATE, None, None, None)
            }
        };
        Self {
            name: input.name().as_str(),
            uri: input.uri().map(super::SourceUri::as_str),
            digest,
            annotations: AnnotationsJson {
                role: input.role().as_str(),
                form,
                source: input.source().as_str(),
                files,
                bytes,
                dirty,
            },
        }
    }
}

impl Input {
    /// What its digest says, in one line of JSON: what a commitment to it hides, and its opening shows.
    ///
    /// ```json
    /// {"digest":{"sha256":"c3b0..."},"form":"model-tree/v1","files":48213,"bytes":"912345678901"}
    /// ```
    #[must_use]
    pub fn digest_text(&self) -> String {
        let DependencyJson { digest, annotations, .. } = DependencyJson::of(self);
        let AnnotationsJson { form, files, bytes, dirty, .. } = annotations;
        let text = compact_json::to_vec(&PrivateDigestJson { digest, form, files, bytes, dirty });
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn extent_members(extent: Option<Extent>) -> (Option<u64>, Option<String>) {
    (extent.map(Extent::files), extent.map(|extent| extent.bytes().to_string()))
}

fn sha256_only(digest: Sha256Digest) -> DigestSetJson {
    DigestSetJson { sha256: Some(digest.to_string()), git_commit: None, git_tree: None, private: None }
}

fn private_only(commitment: Commitment) -> DigestSetJson {
    let private = Some(commitment.digest().to_string());
    DigestSetJson { sha256: None, git_commit: None, git_tree: None, private }
}

fn checkout_digests(checkout: &Checkout) -> DigestSetJson {
    DigestSetJson {
        sha256: checkout.sources().map(|(digest, _)| digest.to_string()),
        git_commit: Some(checkout.commit().to_string()),
        git_tree: Some(checkout.tree().to_string()),
        private: None,
    }
}
