#include "app/setup_page.h"

#include "base/crypto.h"
#include "base/encoding.h"

namespace callgate::app {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .25rem}p{margin:.5rem 0 1rem}
label{display:block;margin:1rem 0 .25rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem}
button{font:inherit;margin-top:1rem;padding:.5rem 1.25rem;cursor:pointer}
pre{white-space:pre-wrap;word-break:break-all;padding:.75rem;border:1px solid #8886;border-radius:.375rem}
.bad{color:#c22}
)";

constexpr std::string_view kScript = R"(
'use strict';
const code = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const form = document.querySelector('form'), said = document.querySelector('#said'), token = document.querySelector('pre');
const say = (text, bad) => { said.textContent = text; said.className = bad ? 'bad' : ''; };
if (!code) say('This page needs the link that callgate serve printed on its first start.', true);
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  say('One moment ...');
  try {
    const answer = await fetch('/api/v1/setup', {
      method: 'POST', headers: {'Content-Type': 'application/json'},
      body: JSON.stringify({code, name: document.querySelector('input').value.trim()}),
    });
    const made = await answer.json();
    if (!answer.ok) return say(made.error.message, true);
    form.hidden = true;
    say('You are the owner. This API token is shown once: keep it where you keep passwords.');
    token.textContent = made.token;
    token.hidden = false;
  } catch (error) {
    say('The gate did not answer: ' + error.message, true);
  }
});
)";

constexpr std::string_view kBody = R"(
<main>
<h1>Welcome to Callgate</h1>
<p>No user exists yet. Make the first one, the owner of this gate. The link works once.</p>
<form autocomplete="off">
<label for="name">Your name, as in <code>ada</code></label>
<input id="name" required pattern="[a-z0-9._@\-]{1,64}" title="lower case letters, digits and . _ @ -" autofocus>
<button>Make me the owner</button>
</form>
<p id="said" role="status"></p>
<pre hidden></pre>
</main>
)";

std::string source_hash(std::string_view text) {
  Digest digest = sha256(text);
  return "'sha256-" + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "'";
}

Page make() {
  Page page;
  page.body =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>Callgate: first start</title><style>";
  page.body.append(kStyle).append("</style></head><body>").append(kBody);
  page.body.append("<script>").append(kScript).append("</script></body></html>\n");
  page.headers = "Content-Security-Policy: default-src 'none'; connect-src 'self'; script-src " + source_hash(kScript) + "; style-src " +
                 source_hash(kStyle) + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n";
  return page;
}

}  // namespace

const Page& setup_page() {
  static const Page page = make();
  return page;
}

}  // namespace callgate::app
