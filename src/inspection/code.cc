// Code that a person would look at twice, by language: our own pack beside the founding one (seed.h), which misses dotted access, short
// flags, other clients and other languages. Patterns, not parsers: good for asking, not for proving.

#include "inspection/packs.h"
#include "inspection/phrases.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kReview = "have a person read it before it runs";
constexpr std::string_view kFetch = "pin the source and check what is fetched before running it";
constexpr std::string_view kKeys = "read single variables by name and never send them anywhere";

constexpr Rule kRules[] = {
    {"code.js-eval", "JavaScript that runs text as code", kReview, Pack::Code, Severity::High, Action::Ask},
    {"code.js-shell", "JavaScript that starts programs", kReview, Pack::Code, Severity::Medium, Action::Ask},
    {"code.js-dynamic-import", "module whose name is computed or remote", kReview, Pack::Code, Severity::Medium, Action::Ask},
    {"code.js-obfuscated", "JavaScript made unreadable", kReview, Pack::Code, Severity::High, Action::Ask},
    {"code.env-harvest", "reads or sends the whole environment", kKeys, Pack::Code, Severity::High, Action::Ask},
    {"code.env-secret", "reads a secret from the environment", kKeys, Pack::Code, Severity::Low, Action::Flag},
    {"code.network-out", "sends data to a host outside", "allow-list the hosts it may talk to", Pack::Code, Severity::Low, Action::Flag},
    {"code.drop-site", "sends data to a service used for collecting it", "refuse it", Pack::Code, Severity::High, Action::Deny},
    {"code.py-exec", "Python that runs text as code", kReview, Pack::Code, Severity::High, Action::Ask},
    {"code.py-shell", "Python that starts a shell", kReview, Pack::Code, Severity::Medium, Action::Ask},
    {"code.py-unpickle", "Python that loads objects from bytes", "use JSON", Pack::Code, Severity::Medium, Action::Ask},
    {"code.py-install-hook", "runs code when a package is installed", kReview, Pack::Code, Severity::High, Action::Ask},
    {"code.dependency-source", "depends on a package from a repository or address of its own", "use the registry of the organisation",
     Pack::Code, Severity::High, Action::Ask},
    {"code.dependency-version", "asks for a version that outbids every registry", "name the version that is meant", Pack::Code,
     Severity::High, Action::Ask},
    {"code.npm-hook-reaches-out", "fetches, sends or changes settings when a package is installed", "install with --ignore-scripts",
     Pack::Code, Severity::High, Action::Ask},
    {"code.npm-install-hook", "runs a command when a package is installed", "install with --ignore-scripts", Pack::Code, Severity::Medium,
     Action::Ask},
    {"code.decoded-code", "decodes text and runs it", kReview, Pack::Code, Severity::Critical, Action::Deny},
    {"code.fetched-code", "fetches text and runs it", kFetch, Pack::Code, Severity::Critical, Action::Deny},
    {"code.reverse-shell", "opens a shell to another machine", "refuse it", Pack::Code, Severity::Critical, Action::Deny},
    {"code.credential-files", "touches files that hold credentials", "refuse it, or let the vault hand out what is needed", Pack::Code,
     Severity::High, Action::Ask},
    {"code.system-write", "writes to system folders or leaves the working folder", "keep to the workspace", Pack::Code, Severity::High,
     Action::Ask},
    {"code.destructive", "deletes files or resets a repository", kReview, Pack::Code, Severity::High, Action::Ask},
    {"code.persistence", "installs itself to start again", "refuse it", Pack::Code, Severity::High, Action::Ask},
    {"code.package-publish", "publishes or installs packages", "leave it to the build", Pack::Code, Severity::Medium, Action::Ask},
    {"code.package-source", "installs from a registry or address of its own", "use the registry of the organisation", Pack::Code,
     Severity::High, Action::Ask},
    {"code.editor-settings", "editor settings that start programs or switch off trust", "refuse it", Pack::Code, Severity::High,
     Action::Ask},
    {"code.auth-bypass", "check that always says yes", kReview, Pack::Code, Severity::Medium, Action::Ask},
    {"code.tls-off", "switches certificate checks off", "add the certificate authority instead", Pack::Code, Severity::Medium, Action::Ask},
    {"code.cloud-metadata", "asks the cloud's metadata service", "refuse it", Pack::Code, Severity::High, Action::Deny},
    {"code.miner", "mines a currency", "refuse it", Pack::Code, Severity::High, Action::Deny},
    {"code.keylogger", "records keys, screen or clipboard", "refuse it", Pack::Code, Severity::High, Action::Ask},
};

#define Q "['\"`]"
#define ENV "(?:process\\.env|import\\.meta\\.env|os\\.environ|\\$ENV|getenv\\(\\))"

constexpr PhraseRow kRows[] = {
    {"code.js-eval",
     "(?:^|[^\\w.])(?:eval|Function)\\s*\\(|\\bnew\\s+Function\\b|\\bvm\\.(?:runIn\\w+|Script|compileFunction)\\b|\\b(?:globalThis|window|"
     "global|self)\\s*(?:\\.\\s*eval\\b|\\[\\s*" Q "eval)",
     "=eval|=Function|vm.runIn|vm.Script|vm.compile", Confidence::High, true},
    {"code.js-eval", "\\bset(?:Timeout|Interval|Immediate)\\s*\\(\\s*" Q, "=setTimeout|=setInterval|=setImmediate", Confidence::Medium,
     true},
    {"code.js-shell",
     "\\b(?:child_process|node:child_process|execa|shelljs|zx)\\b|\\b(?:execSync|execFile(?:Sync)?|spawnSync|fork)\\s*\\(|\\b(?:cp|child)"
     "\\.(?:exec|spawn)\\w*\\s*\\(|\\bDeno\\.(?:run|Command)\\b|\\bBun\\.(?:spawn|\\$)",
     "=child_process|=execa|=shelljs|=execSync|=execFile|=spawnSync|=fork|=cp.exec|=cp.spawn|=child.exec|=child.spawn|=Deno.|=Bun.",
     Confidence::Medium, true},
    {"code.js-shell",
     "\\b(?:exec|spawn)\\s*\\(\\s*" Q
     "\\s*(?:\\S*/)?(?:rm|del|format|sudo|curl|wget|bash|sh|powershell|cmd|nc|dd|mkfs|chmod|chown|kill|git|npm|docker)\\b",
     "=exec|=spawn", Confidence::High, true, 24, 200, "("},
    {"code.js-dynamic-import",
     "\\b(?:import|require)\\s*\\(\\s*[^'\"`)\\s]|\\b(?:import|require)\\s*\\(\\s*`[^`]*\\$\\{|\\b(?:import|from|require)\\s*\\(?\\s*" Q
     "https?://",
     "=import|=require|=from", Confidence::Medium, true, 24, 200, "(|=://"},
    {"code.js-obfuscated",
     "\\b_0x[0-9a-f]{4,}\\b.*\\b_0x[0-9a-f]{4,}\\b|(?:\\\\x[0-9a-f]{2}){12,}|(?:\\\\u00[0-9a-f]{2}){10,}|String\\.fromCharCode\\((?:\\s*(?:"
     "0x)?[0-9a-f]+\\s*,){10,}|\\[\\]\\[\\(!\\[\\]\\+|(?:\\[\\(!!\\[\\]|\\(!\\[\\]\\+\\[\\]\\)){3,}",
     "_0x|\\x|\\u00|fromCharCode|[][(|[(!![]|(![]+[])", Confidence::Medium},
    {"code.env-harvest",
     "(?:JSON\\.stringify|Object\\.(?:keys|entries|values|assign)|console\\.\\w+|util\\.inspect|json\\.dumps|print|str|dict|repr|pprint|"
     "send|post|write\\w*)\\s*\\(\\s*(?:\\{[^}]{0,60})?(?:\\.\\.\\.)?" ENV
     "\\s*[,)}]|\\b(?:body|data|json|payload|params|env)\\s*[:=]\\s*(?:JSON\\.stringify\\(|dict\\()?\\s*" ENV
     "\\s*[,)}\\n]|\\bfor\\b[^\\n]{0,60}\\b(?:in|of)\\b[^\\n]{0,30}" ENV "(?:\\.items\\(\\))?\\s*[):]",
     "=process.env|=os.environ|=import.meta.env", Confidence::High},
    {"code.env-harvest",
     "\\b(?:env|printenv|set)\\s*\\|[^\\n|]{0,40}\\b(?:curl|wget|nc|base64|http)\\b|(?:-d|--data\\S*|-F)\\s*[\"']?(?:[^\\n\"']{0,40})(?:\\$"
     "\\((?:env|printenv|set)\\b|`(?:env|printenv)`)",
     "=env|printenv", Confidence::High, true, 60, 80},
    {"code.env-secret",
     ENV "\\s*(?:\\.\\s*|\\[\\s*" Q "|\\.get\\(\\s*" Q
         ")\\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL|ACCESS_?KEY)\\w*|\\bgetenv\\(\\s*" Q
         "\\w*(?:PASSWORD|SECRET|TOKEN|KEY)\\w*",
     "=process.env|=os.environ|=getenv|=import.meta.env", Confidence::High},
    {"code.network-out",
     "\\b(?:fetch|axios(?:\\.\\w+)?|got(?:\\.\\w+)?|request(?:s)?(?:\\.\\w+)?|urlopen|urlretrieve|httpx\\.\\w+|http\\.(?:get|request)|"
     "https\\.(?:get|request)|superagent\\.\\w+|XMLHttpRequest|sendBeacon|WebSocket|\\.open)\\s*\\(\\s*(?:f|r|b)?" Q "(?:GET|POST|PUT)?" Q
     "?,?\\s*" Q "?(?:https?|wss?|ftp):/{2}[^'\"`\\s]*",
     "http:|https:|ws:|wss:|ftp:", Confidence::Medium, false, 90, 120, "("},
    {"code.drop-site",
     "\\b(?:webhook\\.site|requestbin\\.\\w+|pipedream\\.net|[\\w-]+\\.ngrok(?:-free)?\\.(?:io|app)|burpcollaborator\\.net|oast(?:ify)?\\."
     "\\w+|interact\\.sh|[\\w-]+\\.trycloudflare\\.com|beeceptor\\.com|hookbin\\.com|transfer\\.sh|file\\.io|0x0\\.st|api\\.telegram\\.org/"
     "bot|discord(?:app)?\\.com/api/webhooks|pastebin\\.com/raw|dnslog\\.cn|canarytokens\\.\\w+)",
     "webhook.site|requestbin|pipedream.net|ngrok|burpcollaborator|oast|interact.sh|trycloudflare|beeceptor|hookbin|transfer.sh|=file.io|"
     "0x0.st|api.telegram.org/bot|/api/webhooks|pastebin.com/raw|dnslog|canarytokens",
     Confidence::Medium},
    {"code.py-exec",
     "(?:^|[^\\w.])(?:exec|eval|compile)\\s*\\(\\s*(?:[a-z_]\\w*\\s*[,.()\\[]|[a-z_]\\w*\\s*\\)|b?['\"])|\\b__import__\\s*\\(|"
     "\\bimportlib\\.import_module\\s*\\(\\s*[^'\"\\s]|\\bgetattr\\s*\\(\\s*__builtins__|\\bctypes\\.(?:CDLL|windll|cdll)\\b",
     "=exec|=eval|=compile|__import__|import_module|__builtins__|ctypes", Confidence::Medium, true, 24, 60, "(|ctypes."},
    {"code.py-shell",
     "\\bos\\.(?:system|popen|exec[lv]\\w*|spawn\\w*)\\s*\\(|\\bsubprocess\\.\\w+\\s*\\([^\\n]*shell\\s*=\\s*True|\\bsubprocess\\.(?:"
     "getoutput|getstatusoutput)\\s*\\(|\\bcommands\\.getoutput\\s*\\(|\\bpty\\.spawn\\s*\\(",
     "os.system|os.popen|os.exec|os.spawn|subprocess|commands.getoutput|pty.spawn", Confidence::High, true},
    {"code.py-unpickle",
     "\\b(?:pickle|cPickle|dill|marshal|shelve|joblib|jsonpickle)\\.(?:loads?|Unpickler|open|decode)\\b|\\byaml\\.(?:unsafe_load|load\\s*"
     "\\((?:[^)]*)\\bLoader\\s*=\\s*yaml\\.(?:Unsafe|Full)?Loader)|\\btorch\\.load\\s*\\(",
     "pickle.|marshal.|dill.|shelve.|joblib.|yaml.|torch.load", Confidence::Medium, true},
    {"code.py-install-hook", "\\bcmdclass\\s*=\\s*\\{|\\bclass\\s+\\w+\\s*\\(\\s*(?:install|develop|egg_info|build_py|sdist)\\s*\\)",
     "cmdclass|(install)|(develop)|(egg_info)|(build_py)|( install", Confidence::Medium, true},
    {"code.dependency-source",
     "\"(?:(?:dev|peer|optional)?dependencies|overrides|resolutions)\"\\s*:\\s*\\{[^{}]*\"[^\"]+\"\\s*:\\s*\"(?:git\\+|git:|git@|github:|"
     "gitlab:|"
     "bitbucket:|gist:|https?:|[\\w-]+/[\\w.-]+(?:#|\"))[^\"]*",
     "dependencies\"|\"overrides\"|\"resolutions\"", Confidence::High, false, 32, 8192},
    {"code.dependency-version", "\"(?:dev|peer|optional)?dependencies\"\\s*:\\s*\\{[^{}]*\"[^\"]+\"\\s*:\\s*\"[\\^~=v]?9{2,}\\.\\d+\\.\\d+",
     "dependencies\"", Confidence::High, false, 32, 8192},
    {"code.npm-hook-reaches-out",
     "\"(?:pre|post)?(?:install|prepare|prepublish)\"\\s*:\\s*\"(?:[^\"\\\\]|\\\\.)*?(?:https?:|\\b(?:curl|wget|ping|nslookup|dig|nc|ncat|"
     "ssh|scp|"
     "mshta|certutil|bitsadmin|iwr|invoke-webrequest|xxd|base64|eval)\\b|\\$\\(|`|require\\(\\\\?['\"]+(?:node:)?(?:https?|dns|net|tls|"
     "dgram|"
     "child_process)|\\b(?:npx|bunx|dlx)\\s+(?:-\\S+\\s+)*(?:git|[\\w-]+/[\\w.-])|\\b(?:git|npm)\\s+config\\b|\\.(?:ssh|npmrc|aws|"
     "bashrc|profile)\\b|process\\.env\\s*[)|,]|\\benv\\s*\\||/dev/tcp/)",
     "\"preinstall\"|\"postinstall\"|\"install\"|\"prepare\"|\"prepublish\"|\"preprepare\"|\"postprepare\"", Confidence::High, false, 32,
     2048},
    {"code.npm-install-hook",
     "\"(?:pre|post)?(?:install|prepare)\"\\s*:\\s*\"[^\"]*(?:curl|wget|node\\s+-e|node\\s+\\S+\\.c?js|bash|sh\\s+-c|python|powershell|"
     "https?:|base64|eval|\\$\\()",
     "\"preinstall\"|\"postinstall\"|\"install\"|\"prepare\"", Confidence::High},
    {"code.decoded-code",
     "\\b(?:eval|exec|Function|compile|loads|system|popen|run|execSync|spawn)\\s*\\(?[^\\n;]{0,80}(?:atob\\s*\\(|b64decode\\s*\\(|Buffer\\."
     "from\\s*\\([^)]*base64|fromhex\\s*\\(|unhexlify\\s*\\(|zlib\\.decompress|codecs\\.decode|decompress\\s*\\(|base64_decode)|"
     "base64\\s+(?:-d|-D|--decode)[^\\n|]*\\|\\s*(?:sudo\\s+)?(?:ba|z|da)?sh\\b|\\|\\s*base64\\s+(?:-d|-D|--decode)\\s*\\|\\s*(?:\\w*sh|"
     "python3?|node|perl)\\b|FromBase64String",
     "atob|b64decode|base64|fromhex|unhexlify|zlib.decompress|codecs.decode|decompress", Confidence::High},
    {"code.fetched-code",
     "\\b(?:curl|wget|iwr|fetch|lwp-download)\\b[^\\n|;]*\\|\\s*(?:sudo\\s+(?:-\\w+\\s+)*)?(?:env\\s+)?(?:ba|z|da|k|fi)?sh\\b|\\b(?:"
     "curl|wget)\\b[^\\n|;]*\\|\\s*(?:sudo\\s+)?(?:python3?|node|perl|ruby|php)\\b|(?:ba|z|da)?sh\\s+(?:-c\\s+)?[\"']?(?:<\\(|\\$\\()"
     "\\s*(?:curl|wget)|\\b(?:eval|exec|source|\\.)\\s*[\"'(]*\\s*\\$?\\(?\\s*(?:curl|wget)\\b|\\b(?:eval|exec|Function)\\s*\\([^\\n]{0,"
     "120}(?:urlopen|requests\\.get|fetch\\(|axios|https?\\.get|\\.text\\b|\\.read\\(\\))|(?:iex|invoke-expression)\\b[^\\n]*(?:"
     "downloadstring|iwr|invoke-webrequest|irm\\b)|(?:downloadstring|iwr|irm)\\b[^\\n]*\\|\\s*iex",
     "curl|wget|urlopen|requests.get|fetch(|axios|http.get|https.get|downloadstring|invoke-webrequest|iwr|irm", Confidence::High},
    {"code.reverse-shell",
     "/dev/(?:tcp|udp)/[\\w.$-]+/"
     "\\d+|\\b(?:nc|ncat|netcat)\\b[^\\n]{0,60}\\s-\\w*[ec]\\w*\\s|\\bmkfifo\\b[^\\n]{0,80}\\b(?:nc|ncat|telnet|openssl)\\b|\\bsocat\\b[^"
     "\\n]*\\bexec:|socket\\.socket\\b[\\s\\S]*(?:dup2|subprocess|pty\\.spawn)|net\\.(?:Socket|connect)\\b[\\s\\S]*(?:/"
     "bin/sh|cmd\\.exe|child_process)|fsockopen\\([\\s\\S]*exec\\(|TCPSocket\\b[\\s\\S]*\\bexec\\b|bash\\s+-i\\s*>?&",
     "/dev/tcp|/dev/udp|=nc |ncat|netcat|mkfifo|socat|socket.socket|net.Socket|net.connect|fsockopen|TCPSocket|bash -i", Confidence::High,
     false, 300, 600},
    {"code.credential-files",
     "(?:~|\\$HOME|\\$\\{HOME\\}|/root|/home/\\w+|homedir\\(\\)|expanduser\\([^)]*\\)|%USERPROFILE%)?[\\s/\\\\+,'\"]*\\.(?:ssh/|aws/"
     "credentials|kube/config|docker/config\\.json|npmrc|netrc|pypirc|git-credentials|gnupg/|config/gcloud|azure/"
     "|bash_history|zsh_history)|/etc/(?:shadow|sudoers)\\b|\\b(?:Login Data|cookies\\.sqlite|key4\\.db|wallet\\.dat|keychain-db|Local "
     "State)\\b|\\bid_(?:rsa|ed25519|ecdsa)\\b",
     ".ssh|.aws|.kube|.docker|.npmrc|.netrc|.pypirc|.git-credentials|.gnupg|.config/gcloud|.azure|_history|/etc/shadow|/etc/sudoers|Login "
     "Data|cookies.sqlite|key4.db|wallet.dat|keychain|Local State|id_rsa|id_ed25519|id_ecdsa",
     Confidence::Medium},
    {"code.system-write",
     "\\b(?:write\\w*|append\\w*|unlink\\w*|rm\\w*|rename\\w*|copyFile\\w*|symlink\\w*|chmod\\w*|chown\\w*|mkdir\\w*|truncate\\w*|"
     "createWriteStream|open|remove\\w*|rmtree|move|copy)\\s*\\(\\s*[fr]?" Q
     "(?:/(?:etc|usr|var|root|bin|sbin|boot|lib|sys|proc|System|Library)/|[A-Za-z]:\\\\\\\\?Windows|\\.\\.[/\\\\])|\\bchdir\\s*\\(\\s*" Q
     "(?:/|\\.\\.)",
     "write|append|unlink|=rm|rename|copyFile|symlink|chmod|chown|mkdir|truncate|=open|remove|rmtree|=move|=copy|chdir", Confidence::Medium,
     false, 24, 100, "("},
    {"code.destructive",
     "\\brm\\s+(?:-\\w+\\s+)*-\\w*[rf]\\w*\\s+(?:-\\w+\\s+)*(?:/|~|\\$HOME|\\*|\\.\\.?(?:\\s|/"
     "|$))|\\bshutil\\.rmtree\\s*\\(|\\brimraf\\b|\\bfs\\.(?:rm|rmdir)(?:Sync)?\\s*\\([^\\n]{0,80}recursive|\\bgit\\s+(?:push\\s[^\\n]*(?:-"
     "-force\\b|-f\\b|\\s\\+\\w|--mirror|--delete)|reset\\s[^\\n]*--hard|clean\\s[^\\n]*-\\w*f)|\\b(?:mkfs(?:\\.\\w+)?|wipefs)\\s|\\bdd\\s["
     "^\\n]*\\bof=/dev/|\\bDROP\\s+(?:TABLE|DATABASE|SCHEMA)\\b|\\bTRUNCATE\\s+TABLE\\b",
     "=rm -|=rm  |rmtree|rimraf|fs.rm|git push|git reset|git clean|mkfs|wipefs|of=/dev/|drop table|drop database|drop schema|truncate "
     "table",
     Confidence::Medium},
    {"code.persistence",
     "\\bcrontab\\s+-|/etc/cron|\\bsystemctl\\s+enable\\b|LaunchAgents|LaunchDaemons|/etc/systemd/"
     "system|\\.(?:bashrc|zshrc|profile|bash_profile)\\b[^\\n]{0,30}(?:>>|append|write)|>>\\s*\\S*\\.(?:bashrc|zshrc|profile|bash_profile|"
     "ssh/authorized_keys)|authorized_keys|CurrentVersion\\\\+Run|schtasks\\s+/create|\\.git/hooks/",
     "crontab|/etc/cron|systemctl "
     "enable|LaunchAgents|LaunchDaemons|/etc/systemd|.bashrc|.zshrc|.profile|.bash_profile|authorized_keys|CurrentVersion|schtasks|.git/"
     "hooks",
     Confidence::Medium},
    {"code.package-publish",
     "\\b(?:npm|pnpm|yarn)\\s+(?:publish|unpublish|deprecate|owner\\s+add|(?:install|i|add)\\s[^\\n]*(?:--global|-g)\\b|global\\s+add)|"
     "\\btwine\\s+upload\\b|\\bgem\\s+push\\b|\\bcargo\\s+publish\\b|\\bpoetry\\s+publish\\b|\\bdocker\\s+push\\b|\\bsudo\\s+pip",
     "npm |yarn |pnpm |twine upload|gem push|cargo publish|poetry publish|docker push|sudo pip", Confidence::Medium},
    {"code.package-source",
     "\\b(?:npm|pnpm|yarn|bun)\\s[^\\n]*--registry[= "
     "]\\s*https?://|\\bpip3?\\s+install\\s[^\\n]*(?:--index-url|--extra-index-url|-i)\\s*=?\\s*https?://"
     "|\\b(?:pip3?|npm|pnpm|yarn)\\s+(?:install|i|add)\\s+(?:-\\S+\\s+)*(?:git\\+|https?://|git@|github:)|\"registry\"\\s*:\\s*\"https?://"
     "|\\bnpm\\s+config\\s+set\\s+registry",
     "--registry|--index-url|--extra-index-url|pip install|pip3 install|npm i|yarn add|pnpm |\"registry\"|set registry",
     Confidence::Medium},
    {"code.editor-settings",
     "terminal\\.integrated\\.(?:shellArgs|automationShell|automationProfile|profiles|env)\\.?\\w*\"?\\s*:|security\\.workspace\\.trust\\.("
     "?:enabled|untrustedFiles)\"?\\s*:\\s*(?:false|\"open\")|\"runOn\"\\s*:\\s*\"folderOpen\"|task\\.allowAutomaticTasks\"?\\s*:\\s*\"?(?:"
     "on|true)|enableAllProjectMcpServers\"?\\s*:\\s*true|\"mcpServers\"\\s*:|chat\\.tools\\.autoApprove\"?\\s*:\\s*true|ANTHROPIC_BASE_"
     "URL|dangerously-?skip-?permissions",
     "terminal.integrated|workspace.trust|\"runOn\"|allowAutomaticTasks|enableAllProjectMcpServers|\"mcpServers\"|autoApprove|ANTHROPIC_"
     "BASE_URL|dangerouslySkip|dangerously-skip",
     Confidence::High},
    {"code.auth-bypass",
     "\\b(?:function|def|const|async)?\\s*(?:is_?|check_?|verify_?|validate_?|has_?|can_?)?(?:auth\\w*|login|password|permission|token|"
     "signature|admin|access)\\w*\\s*(?:=\\s*)?\\([^)]*\\)\\s*(?:->\\s*bool\\s*)?(?:=>)?\\s*[:{]?\\s*(?:#[^\\n]*|//"
     "[^\\n]*)?\\s*return\\s+[Tt]rue",
     "return true", Confidence::Medium},
    {"code.tls-off",
     "NODE_TLS_REJECT_UNAUTHORIZED\\S*\\s*[=:]\\s*[\"']?0|rejectUnauthorized\\s*:\\s*false|verify\\s*=\\s*False|ssl\\._create_unverified_"
     "context|InsecureSkipVerify\\s*:\\s*true|strict-ssl\\s*(?:=|\\s)\\s*false|http\\.sslVerify\\s*(?:=|\\s)\\s*false|curl\\s[^\\n]*(?:\\s-"
     "k\\b|--insecure)",
     "NODE_TLS_REJECT|rejectUnauthorized|verify=False|verify = "
     "False|_create_unverified|InsecureSkipVerify|strict-ssl|sslVerify|--insecure|curl -k|=-k ",
     Confidence::High},
    {"code.cloud-metadata",
     "\\b(?:169\\.254\\.169\\.254|metadata\\.google\\.internal|100\\.100\\.100\\.200|fd00:ec2::254|169\\.254\\.170\\.2)\\b",
     "169.254.|metadata.google|100.100.100.200|fd00:ec2", Confidence::High},
    {"code.miner", "\\bstratum\\+(?:tcp|ssl)://|\\bxmrig\\b|\\bcoinhive\\b|\\bminerd\\b|\\bcryptonight\\b",
     "stratum+|xmrig|coinhive|minerd|cryptonight", Confidence::High},
    {"code.keylogger",
     "\\bpynput\\b|\\bkeyboard\\.(?:on_press|hook|record)\\b|\\bGetAsyncKeyState\\b|\\bSetWindowsHookEx\\w?\\b|\\bpyperclip\\.paste\\b|\\b("
     "?:ImageGrab\\.grab|pyautogui\\.screenshot|mss\\.mss)\\b|\\bxsel\\b[^\\n]{0,30}clipboard|\\bpbpaste\\b",
     "pynput|keyboard.on|keyboard.hook|keyboard.record|GetAsyncKeyState|SetWindowsHook|pyperclip|ImageGrab|pyautogui|mss.mss|xsel|pbpaste",
     Confidence::Medium},
};

}  // namespace

std::span<const Rule> code_rules() { return kRules; }
void add_code(Scanner::Tables& tables) { add_phrases(tables, kRows); }

}  // namespace callgate::inspection
