//! The predicate, taken apart strictly.
//!
//! Unknown members are passed over, for in-toto lets producers add them; but not in `externalParameters`, nor in a
//! dependency or its digest set, where a member we do not know could change what the statement claims.

use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::excerpt::excerpt;
use crate::form::Form;
use crate::json::{Fields, Located};
use crate::role::Role;
use crate::tree::TreeDigest;
use crate::types;

use super::{
    Checkout, Extent, Input, InputDigest, Provenance, ProvenanceError, Relation, Source, WorkTreeState,
    sort_key,
};

impl Provenance {
    /// Reads a predicate of type SLSA provenance v1.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, ProvenanceError> {
        let predicate = predicate.object()?;
        let definition = predicate.required("buildDefinition")?.object()?;
        let build_type = definition.required("buildType")?.string()?;
        if build_type != types::BUILD_TYPE_TRAIN_V1 {
            return Err(ProvenanceError::UnknownBuildType { seen: excerpt(build_type) });
        }
        let parameters = definition.required("externalParameters")?.closed_object(&["relation", "inputs"])?;
        let relation = parameters.required("relation")?.string()?;
        let relation = Relation::from_name(relation)
            .ok_or_else(|| ProvenanceError::UnknownRelation { seen: excerpt(relation) })?;
        let dependencies = definition.required("resolvedDependencies")?.array()?;
        let inputs = dependencies.iter().map(read_dependency).collect::<Result<Vec<_>, _>>()?;
        for (index, (before, after)) in (1..).zip(inputs.iter().zip(inputs.iter().skip(1))) {
            if sort_key(before) > sort_key(after) {
                return Err(ProvenanceError::UnsortedInputs { index });
            }
        }

        let builder = predicate.required("runDetails")?.object()?.required("builder")?.object()?;
        let id = builder.required("id")?.string()?;
        if id != types::BUILDER_LOCAL_V1 {
            return Err(ProvenanceError::UnknownBuilder { seen: excerpt(id) });
        }
        let version = builder.required("version")?.object()?.required(super::TOOL)?;
        let tool_version = version
            .string()?
            .parse()
            .map_err(|source| ProvenanceError::BadToolVersion { path: version.path().clone(), source })?;

        let provenance = Self::new(Some(relation), inputs, tool_version)?;
        agree(&provenance, &parameters.required("inputs")?)?;
        Ok(provenance)
    }
}

/// The names under `inputs` are, role by role, those of the dependencies in their order, and an empty list is not
/// written.
fn agree(provenance: &Provenance, inputs: &Located<'_>) -> Result<(), ProvenanceError> {
    let claimed = inputs.closed_object(&Role::ALL.map(Role::as_str))?;
    for role in Role::ALL {
        let names = match claimed.optional(role.as_str()) {
            None => Vec::new(),
            Some(names) => {
                let names = names.array()?.iter().map(Located::string).collect::<Result<Vec<_>, _>>()?;
                if names.is_empty() {
                    return Err(ProvenanceError::InputsDisagree { role });
                }
                names
            }
        };
        if !provenance.names(role).map(super::InputName::as_str).eq(names) {
            return Err(ProvenanceError::InputsDisagree { role });
        }
    }
    Ok(())
}

fn read_dependency(dependency: &Located<'_>) -> Result<Input, ProvenanceError> {
    let fields = dependency.closed_object(&["name", "uri", "digest", "annotations"])?;
    let name = fields.required("name")?;
    let name = name
        .string()?
        .parse()
        .map_err(|source| ProvenanceError::BadInputName { path: name.path().clone(), source })?;
    let annotations = fields.required("annotations")?.object()?;
    let role = annotations.required("role")?;
    let seen = role.string()?;
    let role = Role::from_name(seen)
        .ok_or_else(|| ProvenanceError::UnknownRole { path: role.path().clone(), seen: excerpt(seen) })?;
    let source = annotations.required("source")?;
    let seen = source.string()?;
    let source = Source::from_name(seen)
        .ok_or_else(|| ProvenanceError::UnknownSource { path: source.path().clone(), seen: excerpt(seen) })?;
    let digests = fields.required("digest")?;
    let digest = match role {
        Role::Code => read_checkout(&digests, &annotations)?,
        _ => read_plain(&digests, &annotations)?,
    };
    let input = Input::new(role, name, source, digest)?;
    let Some(uri) = fields.optional("uri") else { return Ok(input) };
    let uri = uri
        .string()?
        .parse()
        .map_err(|source| ProvenanceError::BadUri { path: uri.path().clone(), source })?;
    Ok(input.with_uri(uri))
}

/// A digest set of a directory or a file: SHA-256 and nothing else.
fn read_plain(digests: &Located<'_>, annotations: &Fields<'_>) -> Result<InputDigest, ProvenanceError> {
    let digest = read_sha256(&digests.closed_object(&["sha256"])?.required("sha256")?)?;
    let form = annotations.required("form")?;
    match form.string()? {
        seen if seen == Form::ModelTree.as_str() => Ok(InputDigest::Tree {
            digest: TreeDigest::from_digest(digest),
            extent: read_extent(annotations)?,
        }),
        seen if seen == Form::File.as_str() => {
            let bytes = annotations.optional("bytes").map(|bytes| read_bytes(&bytes)).transpose()?;
            Ok(InputDigest::File { digest, bytes })
        }
        seen => Err(ProvenanceError::FormAndDigest { path: form.path().clone(), seen: excerpt(seen) }),
    }
}

/// A digest set of code: both git ids, and SHA-256 if the form says so.
fn read_checkout(digests: &Located<'_>, annotations: &Fields<'_>) -> Result<InputDigest, ProvenanceError> {
    let digests = digests.closed_object(&["sha256", "gitCommit", "gitTree"])?;
    let git_id = |key| {
        let id = digests.required(key)?;
        id.string()?.parse().map_err(|source| ProvenanceError::BadGitId { path: id.path().clone(), source })
    };
    let state = match annotations.required("dirty")?.boolean()? {
        true => WorkTreeState::Dirty,
        false => WorkTreeState::Clean,
    };
    let checkout = Checkout::new(git_id("gitCommit")?, git_id("gitTree")?, state)?;
    let form = annotations.required("form")?;
    match (form.string()?, digests.optional("sha256")) {
        (seen, Some(sha256)) if seen == Form::ModelTree.as_str() => {
            let digest = TreeDigest::from_digest(read_sha256(&sha256)?);
            Ok(InputDigest::Code(checkout.with_claimed_sources(digest, read_extent(annotations)?)))
        }
        (seen, None) if seen == super::FORM_GIT => Ok(InputDigest::Code(checkout)),
        (seen, _) => Err(ProvenanceError::FormAndDigest { path: form.path().clone(), seen: excerpt(seen) }),
    }
}

fn read_sha256(sha256: &Located<'_>) -> Result<Sha256Digest, ProvenanceError> {
    sha256
        .string()?
        .parse()
        .map_err(|source| ProvenanceError::BadDigest { path: sha256.path().clone(), source })
}

fn read_bytes(bytes: &Located<'_>) -> Result<u64, ProvenanceError> {
    let seen = bytes.string()?;
    parse_decimal(seen)
        .ok_or_else(|| ProvenanceError::BadDecimal { path: bytes.path().clone(), seen: excerpt(seen) })
}

/// The annotations `files` and `bytes`, both or none.
fn read_extent(annotations: &Fields<'_>) -> Result<Option<Extent>, ProvenanceError> {
    match (annotations.optional("files"), annotations.optional("bytes")) {
        (Some(files), Some(bytes)) => Ok(Some(Extent::claimed(files.unsigned()?, read_bytes(&bytes)?))),
        (None, None) => Ok(None),
        _ => Err(ProvenanceError::PartialExtent { path: annotations.path().clone() }),
    }
}
