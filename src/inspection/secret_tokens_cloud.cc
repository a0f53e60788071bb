#include "inspection/secret_tables.h"

namespace callgate::inspection {
namespace {

constexpr TokenRule kCloud[] = {
    {"secrets.aws-access-key-id", "AWS access key id", "AKIA[A16] ASIA[A16] ABIA[A16] ACCA[A16]", 3.0, Check::AwsKeyId},
    {"secrets.aws-mws-token", "Amazon MWS auth token", "amzn.mws.[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.aws-bedrock-key", "Amazon Bedrock API key", "ABSK[e109-269] bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[e0+]", 0},
    {"secrets.gcp-api-key", "Google API key", "AIza[t35]", 3.5},
    {"secrets.gcp-oauth-secret", "Google OAuth client secret", "GOCSPX-[t28]"},
    {"secrets.gcp-access-token", "Google OAuth access token", "ya29.[t30+]"},
    {"secrets.gcp-refresh-token", "Google OAuth refresh token", "1//0[t40+]", 3.5},
    {"secrets.gcp-service-account", "Google service account key", "\"private_key_id\":\"[h40]\" \"private_key_id\":^\"[h40]\""},
    {"secrets.firebase-messaging-key", "Firebase messaging server key", "AAAA[t7]:APA91b[t134+]"},
    {"secrets.azure-client-secret", "Microsoft Entra client secret", "[b3][d1]Q~[z31-34]", 3.0},
    {"secrets.azure-storage-key", "Azure storage account key", "AccountKey=[s86]== [s76]+ASt[b5]==", 3.5},
    {"secrets.azure-shared-access-key", "Azure shared access key", "SharedAccessKey=[s43]=", 3.5},
    {"secrets.azure-cosmos-key", "Azure Cosmos DB key", "[s76]ACDb[b4]==", 3.5},
    {"secrets.azure-devops-token", "Azure DevOps token", "[b76]AZDO[b4]", 3.5},
    {"secrets.azure-search-key", "Azure AI Search key", "[b42]AzSe[b6]", 3.5},
    {"secrets.azure-function-key", "Azure Functions key", "[t44]AzFu[t4]==", 3.5},
    {"secrets.azure-ai-key", "Azure AI services key", "[b52]JQQJ99[b26]", 3.5},
    {"secrets.azure-registry-password", "Azure container registry password", "[s42]+ACR[b6]", 3.5},
    {"secrets.azure-sas-signature", "Azure shared access signature", "&sig=[x40-90] ?sig=[x40-90]", 3.5, Check::Mixed},
    {"secrets.alibaba-access-key", "Alibaba Cloud access key id", "LTAI[b17-24]", 2.5},
    {"secrets.tencent-secret-id", "Tencent Cloud secret id", "AKID[b32]", 3.0},
    {"secrets.yandex-api-key", "Yandex Cloud API key", "AQVN[t35-38]", 3.0},
    {"secrets.yandex-access-token", "Yandex Cloud IAM token", "t1.[t1+].[t86-88] t1.[t1-2]euel[e60+]", 3.0},
    {"secrets.yandex-secret-key", "Yandex Cloud secret key", "YCA[t37] YCM[t37] YCO[t37] YCP[t37] YCV[t37]", 3.5, Check::Mixed},
    {"secrets.scaleway-access-key", "Scaleway access key", "SCW[u17]", 2.8, Check::Mixed},
    {"secrets.ibm-cloud-key", "IBM Cloud API key with its mark", "ApiKey-[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.terraform-token", "HCP Terraform token", "[b14].atlasv1.[t60-70]", 3.0},
    {"secrets.vault-token", "HashiCorp Vault token", "hvs.[t24+] hvb.[t24+] hvr.[t24+]", 3.0},
    {"secrets.pulumi-token", "Pulumi access token", "pul-[h40]"},
    {"secrets.doppler-token", "Doppler token",
     "dp.pt.[b40-44] dp.st.[z40-60] dp.ct.[b40-44] dp.sa.[b40-44] dp.scim.[b40-44] dp.audit.[b40-44] dp.said.[b40-44]"},
    {"secrets.infisical-token", "Infisical service token", "st.[h24].[h32].[h32]"},
    {"secrets.onepassword-secret-key", "1Password secret key", "A3-[u6]-[u11]-[u5]-[u5]-[u5] A3-[u6]-[u6]-[u5]-[u5]-[u5]-[u5]", 3.0},
    {"secrets.onepassword-service-token", "1Password service account token", "ops_eyJ[e200+]", 4.0},
    {"secrets.age-identity", "age secret key", "AGE-SECRET-KEY-1[u58] AGE-PLUGIN-[U3-12]-1[u40+]", 3.0},
    {"secrets.openshift-token", "OpenShift user token", "sha256~[t43]", 3.0},
    {"secrets.kubernetes-bootstrap-token", "kubeadm join token", "--token^[l6].[l16]", 2.5, Check::Mixed},
    {"secrets.cloudflare-origin-key", "Cloudflare origin CA key", "v1.0-[h24]-[h146]", 3.0},
    {"secrets.cloudflare-scoped-token", "Cloudflare API token with its mark", "cfut_[t40+] cfat_[t40+] cfk_[t40+]", 3.0},
    {"secrets.tailscale-key", "Tailscale key", "tskey-[a3-7]-[b8-20]-[b20-40] tskey-[a3-7]-[b20-40]"},
    {"secrets.ngrok-token", "ngrok token", "ak_2[b26] cr_2[b26]", 3.3, Check::Mixed},
};

constexpr TokenRule kHosting[] = {
    {"secrets.digitalocean-token", "DigitalOcean token", "dop_v1_[h64] doo_v1_[h64] dor_v1_[h64]"},
    {"secrets.heroku-key", "Heroku API key", "HRKU-[t36] HRKU-AA[t58]"},
    {"secrets.fly-token", "Fly.io access token", "fo1_[t43] fm1a_[e90+] fm1r_[e90+] fm2_[e90+]", 3.0},
    {"secrets.vercel-token", "Vercel token", "vcp_[b24+] vci_[b24+] vca_[b24+] vcr_[b24+] vck_[b24+]", 3.0},
    {"secrets.netlify-token", "Netlify access token", "nfp_[b36]"},
    {"secrets.render-key", "Render API key", "rnd_[b26-34]", 3.0, Check::Mixed},
    {"secrets.supabase-token", "Supabase token", "sbp_[h40] sbp_v0_[h40] sb_secret_[t22-40]", 3.0},
    {"secrets.planetscale-token", "PlanetScale credential", "pscale_tkn_[z32-64] pscale_pw_[z32-64] pscale_oauth_[z32-64]", 3.0},
    {"secrets.neon-key", "Neon API key", "napi_[l60-66]", 3.0},
    {"secrets.mongodb-atlas-secret", "MongoDB Atlas service account secret", "mdb_sa_sk_[t40]", 3.0},
    {"secrets.databricks-token", "Databricks token", "dapi[h32] dapi[h32]-[d1] dose[h32]"},
    {"secrets.clickhouse-key", "ClickHouse Cloud secret key", "4b1d[b38]", 3.0},
    {"secrets.upstash-token", "Upstash token", "AX[b4]ASQ[e30+]", 3.5},
    {"secrets.xata-key", "Xata API key", "xau_[b40-44]", 3.0},
    {"secrets.convex-key", "Convex deploy key", "prod:[a3-20]-[a3-20]-[d3]|[e40+]", 3.0},
    {"secrets.scalingo-token", "Scalingo token", "tk-us-[t48]"},
    {"secrets.cloudsmith-key", "Cloudsmith key", "csmth_[b40]", 3.0},
    {"secrets.koyeb-token", "Koyeb token", "koyeb_[b60-70]", 3.0},
    {"secrets.cockroach-key", "CockroachDB Cloud key", "CCDB1_[b22]_[b40]", 3.0},
    {"secrets.aiven-token", "Aiven token", "AVNS_[t19] aivenv1[e200+]", 2.5},
    {"secrets.daytona-key", "Daytona API key", "dtn_[h64]"},
    {"secrets.e2b-key", "E2B API key", "e2b_[h40]"},
    {"secrets.coder-token", "Coder session token", "coder_[b10]-[b22]", 3.0},
    {"secrets.gitpod-token", "Gitpod token", "gitpod_pat_[z40+]", 3.0},
};

}  // namespace

TokenTable cloud_tokens() { return {kCloud, "use a role or workload identity, or let the gateway add the credential from its vault"}; }
TokenTable hosting_tokens() { return {kHosting, "keep it in the vault and reference the server that needs it; pass no key in a call"}; }

}  // namespace callgate::inspection
