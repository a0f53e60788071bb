#include "inspection/secret_tables.h"

namespace callgate::inspection {
namespace {

constexpr TokenRule kCode[] = {
    {"secrets.github-pat", "GitHub personal access token", "ghp_[b36]", 3.0, Check::GithubCrc},
    {"secrets.github-oauth", "GitHub OAuth token", "gho_[b36]", 3.0, Check::GithubCrc},
    {"secrets.github-app", "GitHub app token", "ghu_[b36] ghs_[b36]", 3.0, Check::GithubCrc},
    {"secrets.github-refresh", "GitHub refresh token", "ghr_[b36] ghr_[b76]", 3.0, Check::GithubCrc},
    {"secrets.github-fine-grained-pat", "GitHub fine-grained token", "github_pat_[w76-90]", 3.0},
    {"secrets.gitlab-pat", "GitLab personal access token", "glpat-[t20] glpat-[t27-300].[h2][l7] glpat-[t27-300].[d2].[l9]", 3.0},
    {"secrets.gitlab-deploy", "GitLab deploy token", "gldt-[t20]", 2.8},
    {"secrets.gitlab-runner", "GitLab runner token",
     "glrt-[t20] glrt-t[d1]_[t27-300].[h2][l7] glrt-[t27-300].[d2].[l9] glrtr-[t20-40] GR1348941[t20]", 2.8},
    {"secrets.gitlab-trigger", "GitLab trigger token", "glptt-[h40]"},
    {"secrets.gitlab-job", "GitLab CI job token", "glcbt-[b1-5]_[t20] glcbt-[t20-80]", 2.8},
    {"secrets.gitlab-feed", "GitLab feed token", "glft-[t20]", 2.8},
    {"secrets.gitlab-scim", "GitLab SCIM token", "glsoat-[t20]", 2.8},
    {"secrets.gitlab-mail", "GitLab incoming mail token", "glimt-[t25]", 2.8},
    {"secrets.gitlab-agent", "GitLab agent token", "glagent-[t50]", 3.0},
    {"secrets.gitlab-flags", "GitLab feature flag token", "glffct-[t20]", 2.8},
    {"secrets.gitlab-oauth-secret", "GitLab OAuth application secret", "gloas-[t64]", 3.0},
    {"secrets.gitlab-session", "GitLab session cookie", "_gitlab_session=[l32]", 2.8},
    {"secrets.bitbucket-token", "Bitbucket app password or token", "ATBB[t24-64] ATCTT3xFf[e60+]", 3.0, Check::Mixed},
    {"secrets.atlassian-token", "Atlassian API token", "ATATT3[e180+] ATATT3[e60-180] ATSTT3[e60+]", 3.5},
    {"secrets.gitea-token", "Gitea or Forgejo token", "gta_[h40] fj_[h40]"},
    {"secrets.sourcegraph-token", "Sourcegraph token", "sgp_[H40] sgp_[H16]_[H40] sgp_local_[H40] sgd_[h64]", 3.0},
    {"secrets.sourcegraph-license", "Sourcegraph Cody gateway key", "slk_[h64]"},
    {"secrets.linear-key", "Linear key", "lin_api_[b40] lin_oauth_[h64] lin_wh_[b40]", 2.8},
    {"secrets.postman-key", "Postman API key", "PMAK-[h24]-[h34]"},
    {"secrets.readme-key", "ReadMe API key", "rdme_[l70]"},
    {"secrets.figma-token", "Figma token", "figd_[t40] figd_[t36-50]", 3.0},
    {"secrets.notion-token", "Notion integration token", "ntn_[d11][b35] ntn_[b46] secret_[b43]", 3.5},
    {"secrets.airtable-token", "Airtable token", "pat[b14].[h64]"},
    {"secrets.coderabbit-key", "CodeRabbit key", "cr-[h58]"},
    {"secrets.stackoverflow-team-token", "Stack Overflow for Teams token", "rl_[b40]", 3.5},
};

constexpr TokenRule kBuild[] = {
    {"secrets.npm-token", "npm access token", "npm_[b36]", 2.8, Check::NpmCrc},
    {"secrets.npmrc-auth", "npm registry credential in .npmrc", "_authToken=[x8-400] _auth=[e12-400] :_password=[e12-400]", 2.5,
     Check::Mixed},
    {"secrets.pypi-token", "PyPI upload token", "pypi-AgEIcHlwaS5vcmc[t50+] pypi-AgENdGVzdC5weXBpLm9yZw[t50+]", 3.0},
    {"secrets.rubygems-key", "RubyGems API key", "rubygems_[h48]"},
    {"secrets.crates-token", "crates.io token", "cio[b32]", 3.5, Check::Mixed},
    {"secrets.nuget-key", "NuGet API key", "oy2[l43]", 3.5},
    {"secrets.docker-token", "Docker access token", "dckr_pat_[t27] dckr_oat_[t32]", 3.0},
    {"secrets.docker-auth", "Docker registry login", "\"auth\":\"[e16+]\" \"auth\":^\"[e16+]\"", 2.8, Check::Mixed},
    {"secrets.clojars-token", "Clojars token", "CLOJARS_[b60]"},
    {"secrets.packagist-token", "Packagist token", "packagist_[a3]_[h68] packagist_[a3]_[b40+]"},
    {"secrets.jfrog-key", "JFrog API key", "AKCp[b69] AKCp[b60-80]", 3.5},
    {"secrets.jfrog-reference-token", "JFrog reference token", "cmVmdGtu[b56]", 3.0},
    {"secrets.jfrog-identity-token", "JFrog identity token", "cmVmdmVy[b56]", 3.0},
    {"secrets.circleci-token", "CircleCI token", "CCIPAT_[b22]_[h40] CCIPRJ_[b22]_[h40]"},
    {"secrets.buildkite-token", "Buildkite token", "bkua_[h40] bkpat_[h40] bkat_[z40+]"},
    {"secrets.sonar-token", "Sonar token", "squ_[h40] sqp_[h40] sqa_[h40] sqb_[h40]"},
    {"secrets.snyk-token", "Snyk token", "snyk_uat.[h8].[z80+] snyk_sat.[h8].[z80+]", 3.0},
    {"secrets.octopus-key", "Octopus Deploy API key", "API-[u26]", 3.0},
    {"secrets.harness-token", "Harness token", "pat.[t22].[h24].[b20] sat.[t22].[h24].[b20]", 3.0},
    {"secrets.infracost-key", "Infracost API key", "ico-[b32]", 3.0, Check::MixedCase},
    {"secrets.prefect-key", "Prefect API key", "pnu_[l36] pnb_[l36]"},
    {"secrets.launchdarkly-key", "LaunchDarkly key", "api-[h8]-[h4]-[h4]-[h4]-[h12] sdk-[h8]-[h4]-[h4]-[h4]-[h12]", 2.8},
    {"secrets.codecov-token", "Codecov token with its name", "CODECOV_TOKEN=[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.depot-token", "Depot token", "depot_org_[h64] depot_project_[h64]"},
    {"secrets.gitguardian-token", "GitGuardian token", "ggtt-v-[b30-60]", 3.0},
    {"secrets.settlemint-token", "SettleMint token", "sm_aat_[b16] sm_pat_[b16] sm_sat_[b16]", 2.5},
    {"secrets.defined-networking-key", "Defined Networking key", "dnkey-[t26]-[t52] dnkey-[e26]-[e52] dnkey-[e50+]", 3.0},
};

}  // namespace

TokenTable code_tokens() { return {kCode, "connect the service as a server of the gateway: it adds the token, the model never sees it"}; }
TokenTable build_tokens() {
  return {kBuild, "read it from the environment of the build (process.env.API_KEY) and keep it out of files and calls"};
}

}  // namespace callgate::inspection
