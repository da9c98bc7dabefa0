"""Makes testdata/collect/registries/sagemaker: a model package as AWS's own client gives it.

    registries.py

The file here was made with boto3 1.44.8 on Python 3.11. No account was asked: the client holds the answer against the model of the API, and
refuses a name or a kind that is not in it.

The other registries have no tool that runs without its service: `Kitfile` is written by people, and follows the reference of KitOps;
`commit.json` of Pachyderm has the members of CommitInfo in pfs.proto of version 2.12.
"""

import datetime
import json
import pathlib

import boto3
from botocore.stub import Stubber

HERE = pathlib.Path(__file__).resolve().parent.parent / "registries"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
WHEN = datetime.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=datetime.timezone.utc)

client = boto3.client("sagemaker", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")
answer = {
    "ModelPackageName": "churn",
    "ModelPackageGroupName": "churn",
    "ModelPackageVersion": 3,
    "ModelPackageArn": f"{ARN}:model-package/churn/3",
    "ModelPackageDescription": "Who will leave",
    "CreationTime": WHEN,
    "InferenceSpecification": {
        "Containers": [
            {
                "Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/churn:3",
                "ImageDigest": "sha256:657d4ebf182691763c1355225159516f7fb82075ff20b05534f98cee7c201f59",
                "ModelDataUrl": "s3://acme-models/churn/3/model.tar.gz",
                "Framework": "XGBOOST",
                "FrameworkVersion": "1.7-1",
            }
        ],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": []},
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "Seen and found good",
    "CreatedBy": {"UserProfileArn": f"{ARN}:user-profile/d-1/nobody", "UserProfileName": "nobody", "DomainId": "d-1"},
    "LastModifiedBy": {"IamIdentity": {"Arn": "arn:aws:iam::123456789012:user/somebody", "PrincipalId": "AIDA1"}},
    "MetadataProperties": {
        "CommitId": "1d5a9ea81c070fa9a738df29ec20c7a8a5eb4320",
        "Repository": "https://git.example.org/ml/churn",
        "GeneratedBy": f"{ARN}:training-job/churn-3",
        "ProjectId": "p-1",
    },
    "CustomerMetadataProperties": {"auc": "0.9125", "team": "retention"},
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Approved"},
    "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "Since January"},
}
with Stubber(client) as stubber:
    stubber.add_response("describe_model_package", answer, {"ModelPackageName": "churn"})
    package = client.describe_model_package(ModelPackageName="churn")
package.pop("ResponseMetadata", None)
case = HERE / "sagemaker"
case.mkdir(parents=True, exist_ok=True)
text = json.dumps(package, indent=4, default=lambda value: value.isoformat())
(case / "model-package.json").write_text(text + "\n")
