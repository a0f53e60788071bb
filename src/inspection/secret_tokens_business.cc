#include "inspection/secret_tables.h"

namespace callgate::inspection {
namespace {

constexpr TokenRule kPayment[] = {
    {"secrets.stripe-key", "Stripe secret or restricted key",
     "sk_live_[b10-120] sk_test_[b10-120] sk_prod_[b10-120] rk_live_[b10-120] rk_test_[b10-120] rk_prod_[b10-120]", 2.5, Check::Mixed},
    {"secrets.stripe-webhook-secret", "Stripe webhook secret", "whsec_[e32-64]", 3.0},
    {"secrets.square-token", "Square access token", "EAAA[t60] sq0atp-[t22-60]", 3.0},
    {"secrets.square-oauth-secret", "Square OAuth secret", "sq0csp-[t40-60]", 3.0},
    {"secrets.paypal-braintree-token", "PayPal Braintree access token",
     "access_token$production$[l16]$[h32] access_token$sandbox$[l16]$[h32]"},
    {"secrets.shopify-token", "Shopify token", "shpat_[H32] shpca_[H32] shppa_[H32] shptka_[H32]"},
    {"secrets.shopify-shared-secret", "Shopify shared secret", "shpss_[H32]"},
    {"secrets.flutterwave-key", "Flutterwave key",
     "FLWSECK_TEST-[l32]-X FLWPUBK_TEST-[l32]-X FLWSECK_TEST-[l12] FLWSECK-[l32]-X FLWSECK_TEST[l12]"},
    {"secrets.razorpay-key", "Razorpay key id", "rzp_live_[b14] rzp_test_[b14]"},
    {"secrets.plaid-token", "Plaid access token", "access-production-[h8]-[h4]-[h4]-[h4]-[h12] access-sandbox-[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.adyen-key", "Adyen API key", "AQE[s100+]", 4.5},
    {"secrets.mollie-key", "Mollie API key", "live_[b30-40] test_[b30-40]", 3.5, Check::Mixed},
    {"secrets.gocardless-token", "GoCardless token", "live_[t40]", 3.5, Check::Mixed},
    {"secrets.duffel-token", "Duffel token", "duffel_test_[e43] duffel_live_[e43]", 3.0},
    {"secrets.easypost-key", "EasyPost key", "EZAK[b54] EZTK[b54]", 3.5},
    {"secrets.shippo-token", "Shippo token", "shippo_live_[h40] shippo_test_[h40]"},
    {"secrets.coinbase-key", "Coinbase key name", "organizations/[h8]-[h4]-[h4]-[h4]-[h12]/apiKeys/[h8]-[h4]-[h4]-[h4]-[h12]"},
    {"secrets.lemonsqueezy-token", "Lemon Squeezy token", "lsk_[b40+]", 3.0},
    {"secrets.paddle-key", "Paddle API key", "pdl_live_apikey_[l26]_[b22]_[b3] pdl_sdbx_apikey_[l26]_[b22]_[b3]"},
    {"secrets.polar-token", "Polar token", "polar_oat_[t40+] polar_pat_[t40+]", 3.0},
    {"secrets.mercury-token", "Mercury API token", "secret-token:mercury_production_[x40+]", 3.0},
};

constexpr TokenRule kMessage[] = {
    {"secrets.slack-bot-token", "Slack bot token", "xoxb-[d10-13]-[d10-13]-[b16-34] xoxb-[d8-14]-[b18-26] xoxb-[d10-13]-[d10-13][t0-40]",
     2.5},
    {"secrets.slack-user-token", "Slack user token", "xoxp-[d8-14]-[d8-14]-[d8-14]-[t20-40] xoxe-[d8-14]-[d8-14]-[d8-14]-[t20-40]", 2.5},
    {"secrets.slack-legacy-token", "Slack legacy token",
     "xoxs-[d1+]-[d1+]-[d1+]-[h10+] xoxo-[d1+]-[d1+]-[d1+]-[h10+] xoxa-[b1-2]-[t8-120] xoxr-[b1-2]-[t8-120] xoxa-[t8-120] xoxr-[t8-120]",
     2.8},
    {"secrets.slack-config-token", "Slack configuration token", "xoxe.xoxp-[d1]-[b140-180] xoxe.xoxb-[d1]-[b140-180] xoxe-[d1]-[b120-180]",
     3.0},
    {"secrets.slack-app-token", "Slack app token", "~xapp-[d1]-[b1+]-[d1+]-[b20+]", 2.5},
    {"secrets.slack-webhook", "Slack webhook",
     "hooks.slack.com/services/[x40-60] hooks.slack.com/workflows/[x40-80] hooks.slack.com/triggers/[x40-80]", 3.0, Check::Mixed},
    {"secrets.discord-webhook", "Discord webhook",
     "discord.com/api/webhooks/[d17-20]/[t60-72] discordapp.com/api/webhooks/[d17-20]/[t60-72]"},
    {"secrets.telegram-bot-token", "Telegram bot token", "[d5-16]:A[t34] [d8-10]:AA[t32-33]", 3.0},
    {"secrets.teams-webhook", "Microsoft Teams webhook",
     ".webhook.office.com/webhookb2/[l8]-[l4]-[l4]-[l4]-[l12]@[l8]-[l4]-[l4]-[l4]-[l12]/IncomingWebhook/[x30+]"},
    {"secrets.teams-workflow", "Power Automate request URL", ".logic.azure.com:443/workflows/[h32]/triggers/[x20+]", 2.5},
    {"secrets.google-chat-webhook", "Google Chat webhook", "chat.googleapis.com/v1/spaces/[t8-14]/messages?key=[t39]&token=[x30+]"},
    {"secrets.twilio-key", "Twilio API key", "SK[h32]", 3.0, Check::Mixed},
    {"secrets.twilio-account", "Twilio account id", "AC[h32]", 3.0, Check::Mixed},
    {"secrets.sendgrid-key", "SendGrid API key", "SG.[t20-24].[t40-46] SG.[x66]", 3.0},
    {"secrets.mailgun-key", "Mailgun key", "key-[h32] pubkey-[h32]", 3.0, Check::Mixed},
    {"secrets.mailchimp-key", "Mailchimp key", "[h32]-us[d1-2]", 3.0, Check::Mixed},
    {"secrets.mandrill-key", "Mandrill key", "md-[t22]", 3.5, Check::Mixed},
    {"secrets.brevo-key", "Brevo key", "xkeysib-[h64]-[b16] xsmtpsib-[h64]-[b16]"},
    {"secrets.resend-key", "Resend key", "re_[b8]_[b24]", 3.3, Check::Mixed},
    {"secrets.onesignal-key", "OneSignal key", "os_v2_app_[l100+] os_v2_org_[l100+]", 3.0},
    {"secrets.courier-key", "Courier key", "pk_prod_[u28] dk_prod_[u28]"},
    {"secrets.telnyx-key", "Telnyx key", "KEY0[H31]_[b22]", 3.0},
    {"secrets.zapier-webhook", "Zapier webhook", "hooks.zapier.com/hooks/catch/[d5-9]/[b5-9]"},
    {"secrets.make-webhook", "Make webhook", ".make.com/[l32]", 3.0, Check::Mixed},
    {"secrets.ifttt-webhook", "IFTTT webhook", "maker.ifttt.com/trigger/[t1+]/with/key/[t20+]"},
    {"secrets.intra42-secret", "42 intra client secret", "s-s4t2ud-[h64] s-s4t2af-[h64]"},
    {"secrets.sidekiq-license", "Sidekiq licence in a URL", "[h8]:[h8]@gems.contribsys.com [h8]:[h8]@enterprise.contribsys.com", 0},
};

}  // namespace

TokenTable payment_tokens() { return {kPayment, "never in a call: register the payment service as a server, its key stays in the vault"}; }
TokenTable message_tokens() { return {kMessage, "let the gateway hold it; a message or a file needs no token in it"}; }

}  // namespace callgate::inspection
