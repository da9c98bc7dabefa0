//! SageMaker: see [`super::sagemaker()`].

use crate::json::Json;
use crate::notes::{Notes, is_hex, member_place};
use crate::{Topic, WarningReason};

/// Notes a model package.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Some(package) = notes.json(bytes) else { return };
    if package.get("ModelPackageArn").is_none() && package.get("ModelPackageGroupName").is_none() {
        return notes.warn(WarningReason::Malformed, "", "no ModelPackageArn and no ModelPackageGroupName");
    }
    note_identity(&package, notes);
    note_custody(&package, notes);
    note_origin(&package, notes);
    note_containers(&package, notes);
    let properties = "CustomerMetadataProperties";
    for (name, _) in notes.members(package.get(properties), properties) {
        let mut subject = notes.subject(Topic::Parameter, name, properties);
        subject.personal();
        if let Some(values) = package.get(properties) {
            subject.member("value", values, name);
        }
    }
    if let Some(card) = package.get("ModelCard") {
        notes.subject(Topic::Document, "model card", "ModelCard").member("status", card, "ModelCardStatus");
    }
}

fn note_identity(package: &Json, notes: &mut Notes<'_>) {
    let mut subject = notes.subject(Topic::Identity, "", "");
    for (key, name) in [
        ("name", "ModelPackageGroupName"),
        ("version", "ModelPackageVersion"),
        ("description", "ModelPackageDescription"),
        ("status", "ModelPackageStatus"),
        ("task", "Task"),
        ("domain", "Domain"),
        ("created", "CreationTime"),
    ] {
        subject.member(key, package, name);
    }
    if let Some(cycle) = package.get("ModelLifeCycle") {
        let mut subject = notes.subject(Topic::Identity, "", "ModelLifeCycle");
        subject.member("stage", cycle, "Stage").member("stage-status", cycle, "StageStatus");
    }
}

fn note_custody(package: &Json, notes: &mut Notes<'_>) {
    let mut subject = notes.subject(Topic::Custody, "", "");
    subject.member("approval", package, "ModelApprovalStatus");
    // A person wrote it, and may have signed it with a name.
    subject.personal_member("approval-description", package, "ApprovalDescription");
    for (key, name) in [("created-by", "CreatedBy"), ("modified-by", "LastModifiedBy")] {
        if let Some(person) = package.get(name) {
            let mut subject = notes.subject(Topic::Custody, "", name);
            let identity = person.get("IamIdentity").filter(|identity| identity.object().is_some());
            match (person.get("UserProfileName"), identity) {
                (Some(_), _) => subject.personal_member(key, person, "UserProfileName"),
                (None, Some(identity)) => subject.personal_member(key, identity, "Arn"),
                (None, None) => subject.personal_member(key, person, "UserProfileArn"),
            };
        }
    }
}

fn note_origin(package: &Json, notes: &mut Notes<'_>) {
    let Some(origin) = package.get("MetadataProperties") else { return };
    let at = "MetadataProperties";
    let mut subject = notes.subject(Topic::Code, "", at);
    subject.location_member("uri", origin, "Repository");
    if let Some(commit) = origin.get("CommitId").and_then(Json::scalar).filter(|commit| !commit.is_empty()) {
        subject.commit("commit", &commit);
    }
    let mut subject = notes.subject(Topic::Run, "", at);
    subject.personal_member("generated-by", origin, "GeneratedBy").personal_member(
        "project",
        origin,
        "ProjectId",
    );
}

fn note_containers(package: &Json, notes: &mut Notes<'_>) {
    let Some(specification) = package.get("InferenceSpecification") else { return };
    let at = "InferenceSpecification.Containers";
    for (index, container) in notes.elements(specification.get("Containers"), at).iter().enumerate() {
        let at = format!("{at}[{index}]");
        let mut subject = notes.subject(Topic::Run, "", &at);
        subject.member("framework", container, "Framework").member(
            "framework-version",
            container,
            "FrameworkVersion",
        );
        subject.personal_member("image", container, "Image");
        let digest = container.get("ImageDigest").and_then(Json::scalar);
        match digest.as_deref().map(|digest| digest.strip_prefix("sha256:").unwrap_or_default()) {
            None => {}
            Some(hex) if is_hex(hex, 64) => drop(subject.digest("image-digest", "sha256", hex)),
            Some(_) => {
                let at = member_place(&at, "ImageDigest");
                notes.warn(WarningReason::WeakDigest, &at, "want sha256: and 64 hex digits");
            }
        }
        notes.subject(Topic::Data, "model data", &at).personal().location_member(
            "uri",
            container,
            "ModelDataUrl",
        );
    }
}
