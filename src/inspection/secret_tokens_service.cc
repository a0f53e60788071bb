#include "inspection/secret_tables.h"

namespace callgate::inspection {
namespace {

constexpr TokenRule kModel[] = {
    {"secrets.anthropic-key", "Anthropic API key", "sk-ant-api03-[t93]AA", 3.5},
    {"secrets.anthropic-admin-key", "Anthropic admin key", "sk-ant-admin01-[t93]AA sk-ant-oat01-[t93]AA sk-ant-sid01-[t80-120]", 3.5},
    {"secrets.openai-key", "OpenAI API key",
     "sk-[b48] sk-[b20]T3BlbkFJ[b20] sk-proj-[t40-200] sk-svcacct-[t40-200] sk-admin-[t40-200] sk-None-[t40-200] sk-[b32-64]", 3.3},
    {"secrets.huggingface-token", "Hugging Face token", "hf_[b34] hf_[b30-40] api_org_[b34]", 3.0},
    {"secrets.replicate-token", "Replicate token", "r8_[b37] r8_[b36-40]", 3.0},
    {"secrets.perplexity-key", "Perplexity key", "pplx-[b48] pplx-[b40-56]", 3.3},
    {"secrets.groq-key", "Groq key", "gsk_[b52]", 3.3},
    {"secrets.xai-key", "xAI key", "xai-[b80] xai-[b60-90]", 3.3},
    {"secrets.openrouter-key", "OpenRouter key", "sk-or-v1-[h64]"},
    {"secrets.langsmith-key", "LangSmith key", "lsv2_pt_[h32]_[h10] lsv2_sk_[h32]_[h10]"},
    {"secrets.langfuse-key", "Langfuse key", "sk-lf-[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.pinecone-key", "Pinecone key", "pcsk_[w50-80]", 3.3},
    {"secrets.voyage-key", "Voyage key", "pa-[t43]", 3.8, Check::Mixed},
    {"secrets.elevenlabs-key", "ElevenLabs key", "sk_[h48]"},
    {"secrets.fireworks-key", "Fireworks key", "fw_[b24]", 3.5, Check::Mixed},
    {"secrets.anyscale-key", "Anyscale key", "esecret_[b26+]", 3.0},
    {"secrets.nvidia-key", "NVIDIA API key", "nvapi-[t60-70]", 3.3},
    {"secrets.tavily-key", "Tavily key", "tvly-[t32] tvly-dev-[t32] tvly-prod-[t32]", 3.0},
    {"secrets.firecrawl-key", "Firecrawl key", "fc-[h32]", 2.8, Check::Mixed},
    {"secrets.jina-key", "Jina key", "jina_[t60]", 3.3},
    {"secrets.cerebras-key", "Cerebras key", "csk-[l48]", 3.3},
    {"secrets.wandb-key", "Weights & Biases key", "wandb_v1_[t60+]", 3.3},
    {"secrets.apify-token", "Apify token", "apify_api_[b36]", 3.0},
    {"secrets.browserbase-key", "Browserbase key", "bb_live_[t27]", 3.0},
    {"secrets.helicone-key", "Helicone key", "sk-helicone-[t30+] pk-helicone-[t30+]", 3.0},
    {"secrets.mem0-key", "Mem0 key", "m0-[b40]", 3.3},
    {"secrets.llamacloud-key", "LlamaCloud key", "llx-[b48]", 3.0},
    {"secrets.callgate-grant", "Callgate grant", "cg_[b20+]_[b20+]", 3.3},
};

constexpr TokenRule kWatch[] = {
    {"secrets.newrelic-user-key", "New Relic user key", "NRAK-[u27]"},
    {"secrets.newrelic-ingest-key", "New Relic ingest key", "NRII-[t32] NRRA-[h42] [h32]FFFFNRAL [h36]NRAL"},
    {"secrets.newrelic-browser-key", "New Relic browser key", "NRJS-[h19] NRBR-[h19]", 2.5},
    {"secrets.grafana-service-token", "Grafana service account token", "glsa_[b32]_[h8]", 3.0},
    {"secrets.grafana-cloud-token", "Grafana Cloud token", "glc_eyJ[e28+] glc_[e40-400]", 3.0},
    {"secrets.grafana-api-key", "Grafana API key", "eyJrIjoi[e60+]", 3.0},
    {"secrets.sentry-org-token", "Sentry organisation token", "sntrys_eyJ[e60+]_[e40-44] sntrys_eyJ[e100+]", 3.5},
    {"secrets.sentry-user-token", "Sentry user token", "sntryu_[h64] sntrya_[h64]"},
    {"secrets.honeycomb-key", "Honeycomb key", "hcaik_[b58] hcbik_[b58] hcxik_[b58]", 3.0},
    {"secrets.dynatrace-token", "Dynatrace token", "dt0c01.[u24].[u64] dt0s01.[u8].[u64] dt0s16.[u8].[u64] dt0s02.[u8].[u64]"},
    {"secrets.posthog-key", "PostHog personal key", "phx_[b40-50]", 3.3},
    {"secrets.axiom-token", "Axiom token", "xaat-[h8]-[h4]-[h4]-[h4]-[h12] xapt-[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.checkly-key", "Checkly key", "cu_[h32]", 3.0, Check::Mixed},
    {"secrets.statsig-key", "Statsig secret", "secret-[b42-44] console-[b42-44]", 3.5, Check::Mixed},
    {"secrets.splunk-hec", "Splunk HEC header", "~authorization:^splunk^[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.logfire-token", "Logfire token", "pylf_v1_[a2]_[b40+]", 3.0},
    {"secrets.incident-io-key", "incident.io key", "inc_live_[h64] inc_development_[h64]"},
};

constexpr TokenRule kService[] = {
    {"secrets.facebook-token", "Facebook page token", "EAAM[b100+] EAAC[b100+] EAAB[b100+] EAAG[b100+]", 3.5},
    {"secrets.instagram-token", "Instagram token", "IGQVJ[t100+] IGAA[t100+]", 3.5},
    {"secrets.twitter-bearer", "X bearer token", "AAAAAAAAAAAAAAAAAAAAA[x80-120]", 3.0},
    {"secrets.dropbox-token", "Dropbox token", "sl.[t130-160] sl.u.[t130+]", 3.5},
    {"secrets.adobe-secret", "Adobe client secret", "p8e-[l32] p8e-[t32]", 3.0},
    {"secrets.hubspot-token", "HubSpot token", "pat-na1-[h8]-[h4]-[h4]-[h4]-[h12] pat-eu1-[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.salesforce-session", "Salesforce session id", "00D[b12-15]![z80-130]", 3.5},
    {"secrets.zoho-token", "Zoho token", "1000.[h32].[h32]"},
    {"secrets.contentful-token", "Contentful management token", "CFPAT-[t43]", 3.0},
    {"secrets.mapbox-token", "Mapbox secret token", "sk.eyJ[e60-120].[t20-22] pk.eyJ[e60-120].[t20-22] pk.[l60].[l22] sk.[l60].[l22]", 3.0},
    {"secrets.maxmind-key", "MaxMind licence key", "[b6]_[b29]_mmk"},
    {"secrets.typeform-token", "Typeform token", "tfp_[x59] tfp_[t44]_[t14]", 3.0},
    {"secrets.frameio-token", "Frame.io token", "fio-u-[e64]", 3.0},
    {"secrets.trello-token", "Trello token", "ATTA[h64]"},
    {"secrets.clickup-token", "ClickUp token", "pk_[d5-10]_[u32]"},
    {"secrets.wakatime-key", "WakaTime key", "waka_[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.rapidapi-key", "RapidAPI key", "[h10]msh[h15]p1[h6]jsn[h12]"},
    {"secrets.authress-key", "Authress service key", "sc_[l5-30].[l4-6].acc[t8-32].[e30-120] ext_[l5-30].[l4-6].acc[t8-32].[e30-120]"},
    {"secrets.authress-access-key", "Authress access key", "~acc_[l5-30].[l4-6].[t10-32].[e30-120]"},
    {"secrets.workos-key", "WorkOS key", "sk_a2V5X[e20+]", 3.0},
    {"secrets.stytch-secret", "Stytch secret", "secret-test-[e43] secret-live-[e43]", 3.0},
    {"secrets.okta-token", "Okta API token with its scheme", "SSWS^00[t40]", 3.5},
    {"secrets.nylas-key", "Nylas key", "nyk_v0_[b60-70]", 3.0},
    {"secrets.n8n-key", "n8n key", "n8n_api_[h40+]", 3.0},
    {"secrets.retool-token", "Retool token", "retool_01[l30+]", 3.0},
    {"secrets.cal-key", "Cal.com key", "cal_live_[h32] cal_test_[h32]"},
    {"secrets.alchemy-key", "Alchemy key", "alcht_[b30]", 3.0},
    {"secrets.wallet-extended-key", "wallet's extended private key", "xprv[b107] zprv[b107]", 3.5},
    {"secrets.putty-key", "PuTTY private key", "PuTTY-User-Key-File-[d1]", 0},
    {"secrets.shadow-hash", "password hash of a system account", ":$6$[z1-16]$[z43-100] :$y$[x1+]$[x1+]$[x40+] :$5$[z1-16]$[z43]", 3.0},
    {"secrets.bcrypt-hash", "bcrypt password hash", "$2b$[d2]$[z53] $2a$[d2]$[z53] $2y$[d2]$[z53]", 3.0},
    {"secrets.wireguard-key", "WireGuard private key", "PrivateKey^=^[s43]= PrivateKey=[s43]=", 3.5},
    {"secrets.webflow-token", "Webflow site token", "ws-[h64]"},
};

}  // namespace

TokenTable model_tokens() {
  return {kModel, "the model needs no model key: keep it in the environment of the client (process.env.API_KEY)"};
}
TokenTable watch_tokens() { return {kWatch, "let the agent read through a server of the gateway; the ingest key stays with the exporter"}; }
TokenTable service_tokens() { return {kService, "connect the service as a server of the gateway and refer to it by name"}; }

}  // namespace callgate::inspection
