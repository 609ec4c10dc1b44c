"""Walks through awsfake with stock boto3. Reads what it needs as JSON from standard
input, writes what it saw as JSON to standard output, and fails where an answer is
not the one that AWS gives."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

given = json.load(sys.stdin)
config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})


def client(service, region, key):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=given["endpoint"],
        config=config,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
    )


def refusal(call, **parameters):
    """The code and status of the error that a call must end in."""
    try:
        call(**parameters)
    except ClientError as e:
        return [e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]]
    raise AssertionError(f"{call.__name__}({parameters}) was not refused")


admin = given["admin"]
iam = client("iam", "us-east-1", admin)
seen = {"boto3": boto3.__version__}

provider = iam.create_saml_provider(Name="boto3", SAMLMetadataDocument=given["metadata"])["SAMLProviderArn"]
role = iam.create_role(
    RoleName="boto3", Path="/clients/", AssumeRolePolicyDocument=given["trust"], Tags=[{"Key": "owner", "Value": "boto3"}]
)["Role"]
iam.put_role_policy(RoleName="boto3", PolicyName="own-prefix", PolicyDocument=given["policy"])
seen["providerARN"], seen["roleARN"] = provider, role["Arn"]

# The call is not signed: any client may make it.
sts = boto3.client(
    "sts", region_name=given["region"], endpoint_url=given["endpoint"], config=config, aws_access_key_id="x", aws_secret_access_key="x"
)
session = sts.assume_role_with_saml(RoleArn=role["Arn"], PrincipalArn=provider, SAMLAssertion=given["assertion"])
identity = client("sts", given["region"], session["Credentials"]).get_caller_identity()
seen["caller"], seen["subject"] = identity["Arn"], session["Subject"]

seen["roles"] = sorted(r["RoleName"] for page in iam.get_paginator("list_roles").paginate() for r in page["Roles"])
details = [
    r
    for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    for r in page["RoleDetailList"]
]
seen["detailed"] = sorted(r["RoleName"] for r in details)
seen["details"] = next(
    {"tags": r["Tags"], "trust": r["AssumeRolePolicyDocument"], "policies": r["RolePolicyList"]} for r in details if r["RoleName"] == "boto3"
)

s3 = client("s3", given["region"], session["Credentials"])
bucket, prefix = given["bucket"], session["NameQualifier"] + "/" + session["Subject"] + "/"
s3.put_object(Bucket=bucket, Key=prefix + "report", Body=b"from boto3")
seen["object"] = s3.get_object(Bucket=bucket, Key=prefix + "report")["Body"].read().decode()
seen["listed"] = [o["Key"] == prefix + "report" for o in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]

other = session["NameQualifier"] + "/somebody-else/report"
seen["refused"] = {
    "put under another's prefix": refusal(s3.put_object, Bucket=bucket, Key=other, Body=b"x"),
    "get under another's prefix": refusal(s3.get_object, Bucket=bucket, Key=other),
    "list another's prefix": refusal(s3.list_objects_v2, Bucket=bucket, Prefix=session["NameQualifier"] + "/somebody-else/"),
    "get what is not there": refusal(client("s3", given["region"], admin).get_object, Bucket=bucket, Key="nothing"),
    "IAM without a permission": refusal(client("iam", "us-east-1", session["Credentials"]).list_roles),
    "a role that is there": refusal(iam.create_role, RoleName="BOTO3", AssumeRolePolicyDocument=given["trust"]),
    "a role that is not there": refusal(iam.get_role, RoleName="nobody"),
    "a role with policies": refusal(iam.delete_role, RoleName="boto3"),
    "a trust policy that is none": refusal(iam.update_assume_role_policy, RoleName="boto3", PolicyDocument="{}"),
    "an assertion that is none": refusal(
        sts.assume_role_with_saml, RoleArn=role["Arn"], PrincipalArn=provider, SAMLAssertion="bm90aGluZw=="
    ),
    "a wrong secret": refusal(client("iam", "us-east-1", {**admin, "SecretAccessKey": "x"}).list_roles),
}
json.dump(seen, sys.stdout)
