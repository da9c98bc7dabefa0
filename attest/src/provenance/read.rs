//! The predicate, taken apart strictly.
//!
//! Unknown members are passed over, for in-toto lets producers add them; but not in `externalParameters`, nor in a
//! dependency, a fact, a by-product or a digest set, where a member we do not know could change what the statement claims.

use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::excerpt::excerpt;
use crate::form::Form;
use crate::json::{self, FieldError, Fields, Located};
use crate::private_value::{Commitment, MAX_VALUE_BYTES};
use crate::role::Role;
use crate::tree::TreeDigest;
use crate::types;
use crate::utc_time::UtcTime;

use super::{
    Byproduct, ByproductRole, Checkout, Entrypoint, Extent, Fact, Input, InputDigest, InputName, Provenance,
    ProvenanceError, Relation, Run, Source, Topic, WorkTreeState, sort_key,
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
        let parameters = definition.required("externalParameters")?.closed_object(&[
            "relation",
            "inputs",
            "entrypoint",
        ])?;
        let relation = parameters.required("relation")?.string()?;
        let relation = Relation::from_name(relation)
            .ok_or_else(|| ProvenanceError::UnknownRelation { seen: excerpt(relation) })?;
        let dependencies = definition.required("resolvedDependencies")?.array()?;
        let inputs = dependencies.iter().map(Input::read).collect::<Result<Vec<_>, _>>()?;
        for (index, (before, after)) in (1..).zip(inputs.iter().zip(inputs.iter().skip(1))) {
            if sort_key(before) > sort_key(after) {
                return Err(ProvenanceError::UnsortedInputs { index });
            }
        }

        let details = predicate.required("runDetails")?.object()?;
        let run = read_run(&parameters, &definition, &details)?;
        let builder = details.required("builder")?.object()?;
        let id = builder.required("id")?.string()?;
        let version = builder.required("version")?.object()?.required(super::TOOL)?;
        let tool_version = version
            .string()?
            .parse()
            .map_err(|source| ProvenanceError::BadToolVersion { path: version.path().clone(), source })?;

        let provenance = Self::new(Some(relation), inputs, tool_version)?.with_run(run);
        if id != provenance.builder_id() {
            return Err(ProvenanceError::UnknownBuilder { seen: excerpt(id), want: provenance.builder_id() });
        }
        agree(&provenance, &parameters.required("inputs")?)?;
        Ok(provenance)
    }
}

/// What is said of the run, in four places.
fn read_run(
    parameters: &Fields<'_>,
    definition: &Fields<'_>,
    details: &Fields<'_>,
) -> Result<Run, ProvenanceError> {
    let entrypoint = parameters.optional("entrypoint").map(|entrypoint| read_entrypoint(&entrypoint));
    let facts = match definition.optional("internalParameters") {
        None => None,
        Some(internal) => internal.object()?.optional("facts"),
    };
    let facts = read_ascending(facts, "facts", read_fact)?;
    let byproducts = read_ascending(details.optional("byproducts"), "byproducts", read_byproduct)?;
    let span = match details.optional("metadata") {
        None => None,
        Some(metadata) => read_span(&metadata.object()?)?,
    };
    Run::new(entrypoint.transpose()?, span, facts, byproducts)
}

/// The elements of a list that is either not there or not empty, and ascends.
fn read_ascending<T: Ord>(
    list: Option<Located<'_>>,
    what: &'static str,
    read: impl Fn(&Located<'_>) -> Result<T, ProvenanceError>,
) -> Result<Vec<T>, ProvenanceError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let elements = list.array()?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if elements.is_empty() || !elements.is_sorted_by(|before, after| before < after) {
        return Err(ProvenanceError::UnsortedRun { what });
    }
    Ok(elements)
}

fn read_entrypoint(entrypoint: &Located<'_>) -> Result<Entrypoint, ProvenanceError> {
    let fields = entrypoint.closed_object(&["program", "args"])?;
    let args = fields.required("args")?.array()?;
    let args = args.iter().map(|arg| arg.string().map(str::to_owned)).collect::<Result<_, _>>()?;
    Entrypoint::new(fields.required("program")?.string()?.to_owned(), args)
}

fn read_fact(fact: &Located<'_>) -> Result<Fact, ProvenanceError> {
    let fields = fact.closed_object(&["topic", "about", "key", "value", "source", "at"])?;
    let text = |key| Ok::<_, FieldError>(fields.required(key)?.string()?.to_owned());
    let topic = read_word(&fields.required("topic")?, Topic::from_name)?;
    let source = fields.required("source")?;
    Fact::new(topic, text("about")?, text("key")?, text("value")?, read_source(&source)?, text("at")?)
}

fn read_byproduct(byproduct: &Located<'_>) -> Result<Byproduct, ProvenanceError> {
    let fields = byproduct.closed_object(&["name", "digest", "annotations"])?;
    let annotations = fields.required("annotations")?.closed_object(&["role", "bytes"])?;
    let role = read_word(&annotations.required("role")?, ByproductRole::from_name)?;
    let name = read_name(&fields.required("name")?)?;
    let digest = read_sha256(&fields.required("digest")?.closed_object(&["sha256"])?.required("sha256")?)?;
    Ok(Byproduct::new(role, name, digest, read_bytes(&annotations.required("bytes")?)?))
}

fn read_span(metadata: &Fields<'_>) -> Result<Option<(UtcTime, UtcTime)>, ProvenanceError> {
    let time = |text: Located<'_>| {
        let bad = |source| ProvenanceError::BadTime { path: text.path().clone(), source };
        text.string()?.parse::<UtcTime>().map_err(bad)
    };
    match (metadata.optional("startedOn"), metadata.optional("finishedOn")) {
        (Some(started), Some(finished)) => Ok(Some((time(started)?, time(finished)?))),
        (None, None) => Ok(None),
        _ => Err(ProvenanceError::HalfSpan),
    }
}

fn read_word<T>(word: &Located<'_>, known: impl Fn(&str) -> Option<T>) -> Result<T, ProvenanceError> {
    let seen = word.string()?;
    known(seen).ok_or_else(|| ProvenanceError::UnknownWord { path: word.path().clone(), seen: excerpt(seen) })
}

fn read_name(name: &Located<'_>) -> Result<InputName, ProvenanceError> {
    name.string()?
        .parse()
        .map_err(|source| ProvenanceError::BadInputName { path: name.path().clone(), source })
}

fn read_source(source: &Located<'_>) -> Result<Source, ProvenanceError> {
    let seen = source.string()?;
    Source::from_name(seen)
        .ok_or_else(|| ProvenanceError::UnknownSource { path: source.path().clone(), seen: excerpt(seen) })
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
        if !provenance.names(role).map(InputName::as_str).eq(names) {
            return Err(ProvenanceError::InputsDisagree { role });
        }
    }
    Ok(())
}

impl Input {
    /// Reads an input, as every predicate that has some holds it.
    pub(crate) fn read(dependency: &Located<'_>) -> Result<Self, ProvenanceError> {
        let fields = dependency.closed_object(&["name", "uri", "digest", "annotations"])?;
        let name = read_name(&fields.required("name")?)?;
        let annotations = fields.required("annotations")?.object()?;
        let role = annotations.required("role")?;
        let seen = role.string()?;
        let role = Role::from_name(seen)
            .ok_or_else(|| ProvenanceError::UnknownRole { path: role.path().clone(), seen: excerpt(seen) })?;
        let source = read_source(&annotations.required("source")?)?;
        let digest = read_digest(role, &fields.required("digest")?, &annotations)?;
        let input = Self::new(role, name, source, digest)?;
        let Some(uri) = fields.optional("uri") else { return Ok(input) };
        let uri = uri
            .string()?
            .parse()
            .map_err(|source| ProvenanceError::BadUri { path: uri.path().clone(), source })?;
        Ok(input.with_uri(uri))
    }
}

/// A digest set, by what the annotations say of it.
fn read_digest(
    role: Role,
    digests: &Located<'_>,
    annotations: &Fields<'_>,
) -> Result<InputDigest, ProvenanceError> {
    let is_private = annotations.required("form")?.string()? == super::FORM_PRIVATE;
    match role {
        _ if is_private => read_private(digests, annotations),
        Role::Code => read_checkout(digests, annotations),
        _ => read_plain(digests, annotations),
    }
}

/// What [`Input::digest_text`] wrote of an input with that role; `None` for any other text.
pub(super) fn read_digest_text(role: Role, text: &str) -> Option<InputDigest> {
    let value = json::parse(text.as_bytes(), MAX_VALUE_BYTES).ok()?;
    let fields = Located::root(&value).closed_object(&["digest", "form", "files", "bytes", "dirty"]).ok()?;
    read_digest(role, &fields.required("digest").ok()?, &fields).ok()
}

/// A digest set that shows nothing. A size beside it would give away what the commitment hides.
fn read_private(digests: &Located<'_>, annotations: &Fields<'_>) -> Result<InputDigest, ProvenanceError> {
    if let Some(size) = ["files", "bytes", "dirty"].into_iter().find_map(|key| annotations.optional(key)) {
        return Err(ProvenanceError::SizeOfPrivate { path: size.path().clone() });
    }
    let digest = read_sha256(&digests.closed_object(&["private"])?.required("private")?)?;
    Ok(InputDigest::Private(Commitment::from_digest(digest)))
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
