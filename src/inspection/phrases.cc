// Text that talks to the model instead of the reader: orders to forget its instructions, imitated roles, secrecy, steering of other tools,
// markup that carries data out. Labels and ranks only: paraphrase defeats it, so no rule of policy should rest on it alone.

#include "inspection/phrases.h"

#include "inspection/detectors.h"
#include "inspection/packs.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kRead = "treat it as text of a stranger: quote it, do not follow it";

constexpr Rule kRules[] = {
    {"poison.override", "tells the model to drop its instructions", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.role-tag", "imitates a system or role marker", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.hidden-comment", "comment that speaks to the model", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.secrecy", "asks to keep something from the user", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.prerequisite", "makes another action a condition of using a tool", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.sensitive-source", "asks for keys, credentials or the conversation", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.sensitive-mention", "names private files or credentials", kRead, Pack::Poisoning, Severity::Low, Action::Flag},
    {"poison.exfiltration", "asks to send something to an address of its own", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.cross-tool", "changes how another tool is to be used", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.preference", "praises itself to be chosen", "drop the praise", Pack::Poisoning, Severity::High, Action::Flag},
    {"poison.model-parameter", "asks for the model, its prompt or the conversation as an argument", "drop the parameter", Pack::Poisoning,
     Severity::High, Action::Ask},
    {"poison.jailbreak", "gives the model another role or frees it of rules", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.authority", "claims an authority or urgency", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.addresses-model", "speaks to the assistant by name", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.task-switch", "declares the task done and gives another", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.decode-and-follow", "asks to decode something and obey it", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.acts-unasked", "asks to pass data on without the user's consent", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.skips-approval", "asks to act without approval or checks", kRead, Pack::Poisoning, Severity::Medium, Action::Ask},
    {"poison.prompt-leak", "asks for the prompt or the tools of the model", kRead, Pack::Poisoning, Severity::High, Action::Ask},
    {"poison.data-image", "image or link that carries data in its address", "strip the markup", Pack::Poisoning, Severity::Medium,
     Action::Ask},
    {"poison.active-markup", "script, frame or handler in markup", "strip the markup", Pack::Poisoning, Severity::Low, Action::Flag},
    {"poison.remote-code", "asks to fetch and run code", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
    {"poison.planted-task", "a note in data that gives out a task", kRead, Pack::Poisoning, Severity::High, Action::Flag},
    {"poison.code-payload", "code that breaks out of an interpreter or opens a shell", kRead, Pack::Poisoning, Severity::High,
     Action::Flag},
    {"poison.covert-function", "admits to hidden or undisclosed collection", kRead, Pack::Poisoning, Severity::Medium, Action::Flag},
};

// Words of a sentence apart by white space or light punctuation.
#define S "[\\s*_\"'`,.:;()-]{1,4}"
// The same after a word that much else begins with (`password`, `access`), as `needs` says it; no `_`, which parts no word.
#define THEN(w) w " |" w "\t|" w "\n|" w "\f|" w "\r|" w "*|" w "\"|" w "'|" w "`|" w ",|" w ".|" w ":|" w ";|" w "(|" w ")|" w "-|"
#define SO "[\\s*_\"'`,.:;()-]{0,4}"
#define MODEL \
  "(?:ai|a\\.i\\.|assistants?|models?|llms?|agents?|claude|chat ?gpt|gpt-?[34][a-z0-9.-]*|gemini|copilot|language model|chatbot)"
#define RULES                                                                                                                        \
  "(?:instructions?|prompts?|rules|guidelines|guidance|directives?|directions|commands|orders|objectives?|constraints|restrictions|" \
  "policies|guardrails|"                                                                                                             \
  "safeguards|safety (?:rules|measures|protocols?|checks)|context|programming|training)"
#define EARLIER                                                                                                                          \
  "(?:previous|prior|earlier|above|preceding|former|existing|original|initial|current|system|safety|security|developer|all|any|my|your|" \
  "the|these|those|of|other|every|given|ethical|content|openai|anthropic|default|old)"
#define TELL "(?:tell|mention|inform|reveal|disclose|notify|alert|show|report|explain|warn|let|say|discuss|acknowledge|display|expose)"
#define VERBS                                                                                                                              \
  "\\b(?:read|open|access|fetch|cat|load|retrieve|include|send|pass|upload|attach|append|collect|extract|gather|embed|steal|harvest|dump|" \
  "provide|insert|forward|output|exfiltrate|prepend|paste|concatenate|supply)(?:s|ing)?"
#define FILES                                                                                                                  \
  "(?:~?/?\\.ssh/?(?:\\s|/id_|[`'\"*]|$|/?\\w+\\b)|id_(?:rsa|ed25519|ecdsa)\\b|/etc/(?:passwd|shadow)\\b|\\.aws/\\w+|\\.kube/" \
  "config|\\.npmrc\\b|\\.netrc\\b|mcp\\.json|\\.git-credentials)"
#define PRIVATE                                                                                                              \
  "(?:~?/?\\.ssh\\b|id_(?:rsa|ed25519|ecdsa)|\\.env\\b|/etc/(?:passwd|shadow)|\\.aws/|\\.kube/"                              \
  "|\\.npmrc|\\.netrc|mcp\\.json|claude_desktop_config|\\.git-credentials|private keys?|secret keys?|api[ _-]?keys?|access " \
  "tokens?|credentials?|passwords?|environment variables?|session (?:token|cookie)s?|seed phrase|conversation history|chat " \
  "(?:history|log)|system prompt|previous messages|entire conversation|(?:full )?conversation context|browser (?:history|cookies))"

constexpr PhraseRow kRows[] = {
    {"poison.override",
     "\\b(?:ignore|disregard|forget|override|overrule|bypass|neglect|discard|drop|abandon|dismiss|supersede)s?" S "(?:" EARLIER S
     "){1,6}" RULES,
     "ignore|disregard|forget|override|overrule|bypass|neglect|discard|drop|abandon|dismiss|supersede", Confidence::High, false, 24, 220},
    {"poison.override",
     "\\b(?:ignore|disregard|forget)" S "(?:everything|anything|all|what)" S "(?:\\w+" S
     "){0,4}(?:above|before|told|said|previously|prior|earlier|far|learned|know)",
     "ignore|disregard|forget", Confidence::High},
    {"poison.override",
     "\\b(?:do not|don't|never|stop|no longer|cease)" S "(?:follow|obey|following|obeying|apply|adhere to|comply with)" S "(?:" EARLIER S
     "){1,5}" RULES,
     "follow|obey|apply|adhere|comply", Confidence::High, false, 48, 220, "do not|don't|never|stop|no longer|cease"},
    {"poison.override",
     "\\b(?:instructions|constraints|rules|guidelines|restrictions)" S "(?:\\w+" S
     "){0,6}(?:no longer (?:apply|valid|in effect)|(?:are|were) (?:now "
     ")?(?:outdated|wrong|incorrect|superseded|void|obsolete|suspended|lifted|cancelled|revoked|overridden)|have been "
     "(?:lifted|suspended|overridden|updated|revoked|replaced))",
     "no longer |outdated|wrong|incorrect|superseded|obsolete|are void|are now|have been|suspended|lifted|overridden|revoked",
     Confidence::Medium},
    {"poison.override",
     "\\b(?:new|updated|revised|real|actual|true)" S
     "(?:system |priority |security )?(?:instructions?|directives?|orders?|objective|task)" SO "(?::|is\\b|are\\b|from\\b|follow)",
     "new instruction|new directive|priority directive|new system|new priority|updated instruction|updated system|revised instruction|real "
     "task|new order|new task|new objective|actual task|real instruction|true objective|real objective",
     Confidence::Medium},
    {"poison.override",
     "(?:ignor(?:ez|er|a|e|iere|ieren|ar)|oublie[zr]?|olvida|vergiss|vergessen|esque\\x{e7}a|dimentica|negeer|zignoruj|missachte)\\b.{0,40}"
     "(?:instruc|consign|anweisung|istruzion|instru\\x{e7}|regeln|reglas|regras|regole|instructies|polecenia|vorgaben|indicazioni|"
     "directives)",
     "ignorez|ignorer|ignora|ignore|ignoriere|ignorieren|ignorar|oublie|olvida|vergiss|vergessen|esque|dimentica|negeer|zignoruj|missachte",
     Confidence::High},
    {"poison.override",
     "(?:\\x{5ffd}\\x{7565}|\\x{65e0}\\x{89c6}|\\x{5fd8}\\x{8bb0}|\\x{7121}\\x{8996}|\\x{4e0d}\\x{8981}\\x{7406}\\x{4f1a}).{0,24}(?:\\x{"
     "6307}\\x{4ee4}|\\x{6307}\\x{793a}|\\x{8bf4}\\x{660e}|\\x{63d0}\\x{793a}|\\x{89c4}\\x{5219}|\\x{547d}\\x{4ee4})",
     "\xE5\xBF\xBD\xE7\x95\xA5|\xE6\x97\xA0\xE8\xA7\x86|\xE5\xBF\x98\xE8\xAE\xB0|\xE7\x84\xA1\xE8\xA6\x96", Confidence::High},
    {"poison.override",
     "(?:\\x{6307}\\x{793a}|\\x{547d}\\x{4ee4}|\\x{30eb}\\x{30fc}\\x{30eb}).{0,18}(?:\\x{7121}\\x{8996}|\\x{5fd8}\\x{308c})",
     "\xE7\x84\xA1\xE8\xA6\x96|\xE5\xBF\x98\xE3\x82\x8C", Confidence::High},
    {"poison.override", "(?:\\x{c9c0}\\x{c2dc}|\\x{ba85}\\x{b839}|\\x{c9c0}\\x{ce68}|\\x{addc}\\x{ce59}).{0,18}\\x{bb34}\\x{c2dc}",
     "\xEB\xAC\xB4\xEC\x8B\x9C", Confidence::High},
    {"poison.override",
     "(?:\\x{438}\\x{433}\\x{43d}\\x{43e}\\x{440}\\x{438}\\x{440}|\\x{437}\\x{430}\\x{431}\\x{443}\\x{434}).{0,50}(?:\\x{438}\\x{43d}\\x{"
     "441}\\x{442}\\x{440}\\x{443}\\x{43a}|\\x{43f}\\x{440}\\x{430}\\x{432}\\x{438}\\x{43b}|\\x{443}\\x{43a}\\x{430}\\x{437}\\x{430}\\x{"
     "43d})",
     "\xD0\xB8\xD0\xB3\xD0\xBD\xD0\xBE\xD1\x80|\xD0\xB7\xD0\xB0\xD0\xB1\xD1\x83\xD0\xB4|\xD0\x98\xD0\xB3\xD0\xBD\xD0\xBE\xD1\x80",
     Confidence::High},
    {"poison.override",
     "\\x{62a}\\x{62c}\\x{627}\\x{647}\\x{644}.{0,50}(?:\\x{62a}\\x{639}\\x{644}\\x{64a}\\x{645}|\\x{642}\\x{648}\\x{627}\\x{639}\\x{62f})",
     "\xD8\xAA\xD8\xAC\xD8\xA7\xD9\x87\xD9\x84", Confidence::High},

    {"poison.override",
     "\\b(?:ignore|disregard|forget)" S "(?:(?:everything|anything|all|what|text|of|is|the)" S
     "){0,4}(?:above|preceding)\\b.{0,40}\\b(?:instead|and (?:tell|say|print|output|write|answer|do|just))\\b",
     "ignore|disregard|forget", Confidence::High},
    {"poison.override",
     "\\bdo not\\s+(?:summari[sz]e|translate|answer|describe|process|analy[sz]e|review)\\b.{0,60}\\binstead,?\\s+(?:output|print|say|write|"
     "respond|reply|return|tell|send|run|call|do)\\b",
     "instead", Confidence::High},
    {"poison.planted-task",
     "\\bTODO: (?:please\\s+[a-z]+\\b|(?:get|send|e-?mail|create|book|reserve|transfer|delete|post|invite|buy|pay|share|forward|upload|"
     "concatenate|collect|make|schedule|tell|visit)\\b[^;\\n]{0,160}?(?:\\b(?:me|my|mine)\\b|[\\w.-]+@[\\w-]+\\.[a-z]|\\bwebsite\\b))",
     "todo: ", Confidence::High},
    {"poison.code-payload",
     "__import__\\(['\"](?:os|subprocess|pty|socket)['\"]\\)\\s*\\.|__mro__.{0,20}__subclasses__\\(\\)|/bin/(?:ba)?sh "
     "-i\\b.{0,20}\\|\\s*nc ",
     "__import__(|__subclasses__|sh -i", Confidence::High},

    {"poison.role-tag",
     "<\\s*/"
     "?\\s*(?:important|system|system[_-]?(?:prompt|message|instructions?|override|note)|instructions?[_-]?(?:override)?|hidden|hidden[_-]"
     "\\w+|critical|admin|assistant|override|sys|directive|urgent|ai[_-]instructions?|begin[_-]system)\\s*>",
     "<important|<system|<instruction|<hidden|<critical|<admin|<assistant|<override|<sys|<directive|<urgent|<ai_|<ai-|<begin|</important|</"
     "system|</hidden",
     Confidence::Medium},
    {"poison.role-tag",
     "<\\|(?:im_start|im_end|system|user|assistant|endoftext|begin_of_text|start_header_id|eot_id)\\|>|<<\\s*SYS\\s*>>|\\[/"
     "?INST\\]|\\[\\s*/?\\s*(?:system|admin|developer)(?:[ "
     "_](?:message|prompt|note|override|instructions?|update|command|alert))?\\s*\\]|\\[(?:hidden|secret) "
     "(?:instructions?|prompt|message)\\]?",
     "<|im_|<|system|<|user|<|assistant|<|endof|<|begin|<|start|<|eot|sys>>|[inst]|[/inst]|[system|[ "
     "system|[/system|[admin|[developer|[hidden|[secret",
     Confidence::High},
    {"poison.role-tag", "#{2,}\\s*\\(?(?:system|admin|developer)[ _]?(?:message|instructions?|prompt|override|note|update)?\\)?",
     "### system|###system|##system|## system|#(system|# admin|#admin|# developer|# (system", Confidence::Medium},
    {"poison.role-tag",
     "(?:^|[\\n.!?]\\s*|\\bBEGIN )(?:SYSTEM|ADMIN|ROOT|DEVELOPER)(?: "
     "(?:OVERRIDE|NOTE|MESSAGE|ALERT|INSTRUCTIONS?|DIRECTIVE|UPDATE|NOTICE|PROMPT|COMMAND|MODE|MANDATE|POLICY|REQUIREMENT)){0,2}\\s*[:\\]]",
     "=SYSTEM|=ADMIN|=ROOT|=DEVELOPER", Confidence::Medium, true},
    {"poison.role-tag",
     "\\bSYSTEM[ _](?:OVERRIDE|DIRECTIVE|MANDATE)\\b|\\b(?:HIDDEN|SECRET|INTERNAL) (?:INSTRUCTIONS?|DIRECTIVES?)\\b|(?i:\\bhidden "
     "(?:instruction|directive)s?\\s*:)",
     "system override|system_override|system directive|hidden instruction|hidden directive|secret instruction|internal instruction|system "
     "mandate",
     Confidence::High, true},

    {"poison.role-tag", "<INFORMATION>", "=<INFORMATION>", Confidence::Medium, true},

    {"poison.hidden-comment", "<!--[^>]*?\\b(?:" MODEL "|system|instruction|ignore|secret|hidden|do not|must|always|override|prompt)\\b",
     "<!--", Confidence::Medium},
    {"poison.hidden-comment",
     "(?:display\\s*:\\s*none|visibility\\s*:\\s*hidden|font-size\\s*:\\s*0|color\\s*:\\s*(?:white|#fff))[^<]{0,80}>[^<]*\\b(?:" MODEL
     "|ignore|instruction|must|always|do not)\\b",
     "display:none|display: none|visibility:hidden|visibility: hidden|font-size:0|font-size: 0|color:white|color: white|color:#fff",
     Confidence::Medium},
    {"poison.hidden-comment", "\\[//\\]:\\s*#\\s*[(\"'].*\\b(?:ignore|instruction|must|" MODEL ")\\b", "[//]:", Confidence::Medium},

    {"poison.secrecy",
     "\\b(?:do not|don't|never|must not|should not|shouldn't|avoid|without|refrain from)" S "(?:ever |explicitly |directly )?" TELL
     "(?:ing|ling|ting)?" S "(?:\\w+" S "){0,6}?(?:users?|anyone|anybody|human|operator|victim|developer|this "
     "(?:step|instruction|to|action|message|tool call)|these (?:steps|instructions))\\b",
     "do not|don't|never|must not|should not|shouldn't|avoid|without|refrain from", Confidence::High, false, 16, 220},
    {"poison.secrecy",
     "\\b(?:keep|treat)" S "(?:this|these|it|that|the)" S "(?:\\w+" S
     "){0,4}(?:secret|hidden|private|confidential|between us|to yourself|from the user|invisible|undisclosed)",
     "secret|hidden|private|confidential|between us|to yourself|from the user|invisible|undisclosed", Confidence::Medium},
    {"poison.secrecy",
     "\\b(?:users?|humans?|operator)" S "(?:must|should|need|does|will|can|is|are)" SO "(?:not|n't|never)" S "(?:\\w+" S
     "){0,3}(?:know|see|notice|be (?:aware|told|informed|notified)|find out|realize|realise|informed|aware)",
     "not know|not see|never know|never see|not notice|not be|n't know|n't see|n't notice|not need to know|not aware|not find|not realize",
     Confidence::Medium},
    {"poison.secrecy",
     "\\b(?:secretly|covertly|stealthily|surreptitiously|discreetly|silently|quietly)" S "(?:\\w+" S
     "){0,2}?(?:send|forward|copy|upload|read|collect|include|append|add|log|record|transmit|exfiltrate|call|execute|run|store|capture|"
     "introduce|attach|bcc|pass)\\w*",
     "secretly|covertly|stealthily|surreptitiously|discreetly|silently|quietly", Confidence::Medium},

    {"poison.prerequisite",
     "\\b(?:before|prior to|after|upon|whenever|every time|each time)" S "(?:\\w+" S
     "){0,3}?(?:using|calling|invoking|running|executing|use|call|invocation|processing|responding|answering|proceeding)" S "(?:\\w+" S
     "){0,4}?(?:(?:this|the|any|each|every|all|other) (?:\\w+ )?(?:tools?|functions?|requests?|calls?)|of this "
     "tool|it|proceeding)?.{0,40}?\\b(?:you )?(?:must|need to|have to|should|always|first|required to|needs to|is required)\\b",
     "before|prior to|after|upon|whenever|every time|each time", Confidence::Medium, false, 24, 260,
     "must|need to|have to|should|always|first|required to|needs to|is required"},
    {"poison.prerequisite",
     "\\b(?:prerequisite|precondition|mandatory (?:first )?step|verification step|required "
     "first)\\b.{0,80}\\b(?:assistant|tool|invocation|call|session|read|send|first|must)\\b",
     "prerequisite|precondition|mandatory|verification step|required first", Confidence::Medium},
    {"poison.prerequisite",
     "\\b(?:otherwise|or else)\\b.{0,20}\\b(?:the |this )?tool (?:will|does|can)(?: not|n't)\\b|\\b(?:tool|it) will (?:not "
     "work|fail|break|be blocked) (?:unless|otherwise|without)\\b",
     "tool will not|tool won't|tool does not|will not work|tool cannot|will fail unless|will fail without|will break", Confidence::Medium},

    {"poison.sensitive-source", VERBS S "(?:[\\w/'-]+" S "){0,7}?[~/\\w.]*" FILES,
     "=.ssh|id_rsa|id_ed25519|id_ecdsa|/etc/passwd|/etc/shadow|.aws/|.kube/|.npmrc|.netrc|mcp.json|.git-credentials", Confidence::Medium},
    {"poison.sensitive-source", VERBS S "(?:[\\w/'-]+" S "){0,7}?[~/\\w.]*" PRIVATE,
     ".env|environment variable|conversation history|chat history|system prompt|entire conversation|previous messages|seed phrase|browser "
     "cookies|browser history|chat log|conversation context",
     Confidence::Low},
    {"poison.sensitive-source",
     "\\b(?:send|pass|upload|forward|exfiltrate|leak|transmit|include|embed)(?:s|ing)?\\b" S "(?:[\\w/'-]+" S "){0,8}?" PRIVATE S
     "(?:[\\w/'-]+" S "){0,6}?(?:to|in|into|as|inside|within|via)\\b" S "(?:[\\w/'-]+" S
     "){0,4}?(?:field|argument|parameter|response|output|query|request|server|endpoint|url|https?|sidenote|context)",
     "api key|api_key|credential|password|token|environment variable|history|system prompt|private key|conversation", Confidence::Medium,
     false, 160, 200, "send|" THEN("pass") "passing|passs|upload|forward|exfiltrat|leak|transmit|includ|embed"},
    {"poison.sensitive-mention", PRIVATE,
     "=.ssh|id_rsa|private key|api key|api_key|credential|password|access token|secret key|environment variable|session token|session "
     "cookie|seed phrase",
     Confidence::Medium, false, 32, 32},

    {"poison.exfiltration",
     "\\b(?:send|forward|post|upload|exfiltrate|transmit|leak|e-?mail|bcc|cc|copy|submit|report|deliver|stream|share|sync)(?:s|ing|ed)?"
     "\\b" S "(?:[^\\s]+\\s+){0,14}?(?:to|at|with|via|on)\\s+(?:(?:the|an?|my|our|this)\\s+)?(?:\\S+\\s+){0,2}?(?:https?://"
     "|[\\w.+-]+@[\\w-]+\\.\\w|attacker|external (?:server|endpoint|service|address|api)|remote (?:server|endpoint|host)|third[ -]part)",
     "http://|https://|@|attacker|external|remote|third-part|third part", Confidence::Medium, false, 260, 48,
     "send|forward|post|upload|exfiltrat|transmit|leak|email|e-mail|" THEN("cc") "ccs|cced|ccing|copy|"
                                                                                 "submit|report|deliver|stream|share|sync"},
    {"poison.exfiltration", "\\b(?:exfiltrat\\w+|\\w*attacker[\\w-]*\\.\\w+|evil\\.\\w+|\\w*@(?:evil|attacker)\\w*\\.\\w+)",
     "exfiltrat|attacker|evil.|@evil", Confidence::Medium},

    {"poison.cross-tool",
     "\\b(?:instead of|rather than|in place "
     "of|supersedes?|overrides?|replaces?|modif(?:y|ies)|changes?|alters?|redirects?|intercepts?|hijacks?)" S "(?:\\w+" S
     "){0,5}?(?:behaviou?r of|\\w+ tool\\b|all other (?:tools|functions)|other tools|every tool|any (?:other )?tool|[a-z]+_[a-z_]+\\b)",
     "instead of|rather than|in place of|supersede|overrides|replaces|modifies|modify|redirect|intercept|hijack|alters", Confidence::Low,
     false, 24, 160},
    {"poison.cross-tool",
     "\\b(?:when|whenever|every (?:call|time)|each call|if|on)\\b.{0,40}\\b(?:[a-z]+[_-][a-z_-]+|(?:the|other|another|any) \\w* "
     "?tools?)\\b.{0,30}\\b(?:is|are|gets?|has|to be) (?:also "
     ")?(?:called|used|invoked|available|present|run|preceded|executed)\\b[^.!?;]{0,120}\\b(?:must|always|instead|also|first|bcc|preceded|"
     "replaced|changed|redirect|forward|append)",
     "is called|is used|is invoked|is also available|is available|are called|are used|be preceded|gets called|is present|is executed",
     Confidence::Medium},
    {"poison.cross-tool",
     "\\bbehaviou?r (?:of|has)\\b[^.!?]{0,60}(?:\\b(?:this|that|the|every|each|any|other|all) (?:\\w+ "
     ")?tools?\\b|[a-z]+_[a-z_]+|\\bhere\\b|"
     "\\boutdated\\b)|\\b(?:arguments? (?:supplied|given|provided) by the user (?:are|is)|route all|redirect all|forward all|all "
     "(?:calls|requests|emails|messages|payments|transactions) (?:must|should|have to|need to) "
     "(?:be|go))\\b.{0,80}\\b(?:tool|changed|outdated|here|replaced|sent|preceded|routed|through|instead|to)\\b",
     "behavior of|behaviour of|behaviour has|behavior has|supplied by the user|given by the user|provided by the user|route all|redirect "
     "all|forward all|must be sent|should be sent|must go",
     Confidence::Medium},
    {"poison.cross-tool", "\\bwhen calling [a-z]+[_-][\\w-]+\\b.{0,60}\\b(?:must|outdated|replaced|always|instead|also)\\b", "when calling",
     Confidence::Medium},

    {"poison.preference",
     "\\b(?:best|greatest|most (?:powerful|trusted)|only) (?:tool|function|server) (?:in the world|ever|you (?:will )?(?:ever "
     ")?need|available anywhere)\\b|\\bcalled any ?time the user\\b|\\b(?:do not|never) (?:use|call|trust) (?:any )?other "
     "tools?\\b|\\b(?:better|more (?:accurate|reliable|secure|trusted)) than (?:any|all) other tools?\\b",
     "best tool|greatest tool|powerful tool|trusted tool|only tool|best function|only function|any time the user|anytime the user|other "
     "tool",
     Confidence::High},
    {"poison.preference",
     "\\b(?:always|must|only) (?:use|prefer|choose|select|call|pick) this "
     "(?:tool|function|server)\\b.{0,40}\\b(?:first|over|instead|before|rather|any other|all other|no matter)\\b|\\bthis tool "
     "(?:must|should) (?:always )?be (?:called|used|chosen|preferred) (?:first|every ?time|before any|for every|for all)\\b",
     "this tool|this function|this server", Confidence::Low},
    {"poison.model-parameter",
     "^(?:llm_?model(?:_?name)?|model_?name_?of_?(?:the_?)?(?:llm|caller|assistant)|system_?prompt|conversation(?:_?history)?|chat_?"
     "history|full_?context|previous_?messages|side_?(?:note|car)|user_?secrets?|assistant_?instructions|all_?tools|tools?_?list|system_?"
     "context|thoughts?_?log)$",
     "llm_model|llmmodel|model_name|modelname|system_prompt|systemprompt|conversation|chat_history|chathistory|full_context|previous_"
     "messages|sidenote|side_note|sidecar|user_secret|assistant_instructions|all_tools|tool_list|tools_list|system_context",
     Confidence::Low},
    {"poison.model-parameter",
     "\\b(?:name of the|which) (?:llm|language model|ai model)\\b.{0,30}\\b(?:calls?|uses?|invokes?|is calling|using) this tool\\b",
     "name of the llm|llm model that|language model that|which llm|ai model", Confidence::High},

    {"poison.jailbreak",
     "\\byou are (?:now|no longer|going to (?:be|act))\\b" S "(?:\\w+" S "){0,5}?(?:dan\\b|unrestricted|free|an? "
     "(?:ai|assistant|evil|different|new|hacker|expert|unfiltered|uncensored|system|root|admin\\w*|developer)|in "
     "(?:developer|debug|admin|god|maintenance|dan|unrestricted) mode|bound|restricted|jailbroken|operating|acting)",
     "you are now|you are no longer|you are going to", Confidence::Medium},
    {"poison.jailbreak",
     "\\b(?:dan|developer|god|debug|admin|root|jailbreak|unrestricted|maintenance|sudo) "
     "mode\\b.{0,24}\\b(?:activated?|enabled?|on|engaged|active|now)\\b|\\bdo anything now\\b|\\b(?:enable|enter|activate|switch "
     "to|engage) (?:dan|developer|god|debug|admin|root|jailbreak|unrestricted|maintenance) mode\\b",
     "dan mode|developer mode|god mode|debug mode|admin mode|root mode|jailbreak mode|unrestricted mode|maintenance mode|sudo mode|do "
     "anything now",
     Confidence::High},
    {"poison.jailbreak",
     "\\b(?:without|no|free (?:of|from)|remove(?: all| any)?|disable(?: all| any)?|ignore(?: all| any)?|lift(?: all)?|bypass(?: all| any| "
     "the)?|turn off)" S "(?:\\w+" S "){0,2}?(?:ethical (?:considerations|guidelines|constraints)|safety "
     "(?:filters?|restrictions?|guidelines|checks?|measures|protocols?)|content "
     "(?:filters?|policy|policies|restrictions)|moral|guardrails|censorship|audit.?logging)\\b",
     "ethical|safety filter|safety restriction|safety guideline|safety check|safety measure|safety protocol|content filter|content "
     "polic|content restriction|guardrails|censorship|audit logging|audit_logging",
     Confidence::Medium},
    {"poison.jailbreak",
     "\\b(?:pretend|act|behave|respond|role-?play|imagine|simulate|play)" S
     "(?:(?:to be|as|like|that|you|are|if|were|as though|an?|the|i|am|my)" S "){1,6}(?:\\w+" S
     "){0,3}?(?:unrestricted|no (?:rules|restrictions|limits|filters)|without (?:any )?(?:rules|restrictions|limits|filters)|root|system "
     "administrator|hacker|evil|dan\\b|uncensored|unfiltered|terminal|jailbroken|amoral|developer mode)",
     "pretend|act as|act like|behave|respond as|roleplay|role-play|role play|imagine|simulate|play the", Confidence::Medium},

    {"poison.jailbreak",
     "\\b(?:freed|liberated|released|unbound|unchained) (?:from|of) (?:all |any |the |its |normal |typical |usual "
     "){0,3}(?:constraints|restrictions|rules|limits|limitations|policies)\\b|\\bnot (?:limited|constrained|bound|restricted) by (?:any "
     "|the )?(?:ethic\\w*|moral\\w*|guidelines|rules|polic\\w+)\\b|\\bignoring (?:all |any )?(?:ethical|safety|content|moral)",
     "freed from|liberated from|released from|unbound|not limited|not constrained|not bound|not restricted|ignoring", Confidence::Medium},
    {"poison.jailbreak",
     "(?:\\x{65e0}|\\x{6ca1}\\x{6709}|\\x{4e0d}\\x{53d7}).{0,12}(?:\\x{9650}\\x{5236}|\\x{7ea6}\\x{675f})|\\x{5236}\\x{7d04}.{0,9}(?:\\x{"
     "306a}\\x{3057}|\\x{89e3}\\x{653e})|\\b(?:sin|sans|ohne|senza|sem) (?:restric|restrict|einschr|restriz|censur|filtr)",
     "\xE9\x99\x90\xE5\x88\xB6|\xE7\xBA\xA6\xE6\x9D\x9F|\xE5\x88\xB6\xE7\xB4\x84|sin restric|sans restrict|ohne einschr|senza restriz|sem "
     "restri|sin censur|sin filtr",
     Confidence::Low},

    {"poison.authority",
     "\\b(?:this is|it is|as|per)" S "(?:an?|the)?" SO "(?:mandatory|required|critical|urgent|official|important|authorized)" S "(?:\\w+" S
     "){0,2}?(?:security|compliance|system|company|administrator|configuration|policy|maintenance|verification|safety|message|update|audit)"
     "\\b",
     "mandatory|required|critical|urgent|official|important|authorized", Confidence::Medium, false, 32, 110},
    {"poison.authority",
     "\\b(?:for|due to) (?:compliance|security|verification|audit|regulatory|safety|authentication) "
     "(?:reasons|purposes|requirements)?,?.{0,60}\\b(?:must|always|required|whenever|first|any|every)\\b",
     "for compliance|for security|for verification|for audit|for regulatory|due to compliance|due to security|due to regulatory|for "
     "safety|for authentication",
     Confidence::Medium},
    {"poison.authority",
     "\\b(?:i am|this is|i'm|on behalf of|message from|authorized by|approved by|request(?:ed)? (?:by|from)|instructions? from)" S
     "(?:\\w+" S "){0,3}?(?:system administrator|the (?:system|developers?|admin\\w*|security team|it "
     "department|ceo)|openai|anthropic|your (?:developer|creator|administrator|owner)|it (?:support|department|security))\\b",
     "system administrator|the system|the developer|the admin|security team|it department|openai|anthropic|your developer|your "
     "creator|your administrator|your owner|it support",
     Confidence::Medium},
    {"poison.authority", "\\bthis is an important message from\\b", "important message from", Confidence::High},

    {"poison.addresses-model",
     "\\b(?:note|notice|message|attention|instructions?|important|reminder|hello|hi|hey|dear|todo|to-do|tasks?|request|memo|addendum)\\b[:,"
     "]?" S "(?:message |note |instructions? )?(?:(?:to|for) )?(?:the |any |all |you,? )?" MODEL
     "\\b(?:\\s*[:,.!)-]|\\s+(?:processing|reading|agents?|assistants?|systems?|models?))",
     "note to|note for|notice to|message to|message for|attention|instruction for|instructions for|instruction to|instructions "
     "to|important|reminder|hello|hi |hey |dear |todo|to-do|task for|tasks for|request for|memo|addendum",
     Confidence::Medium, false, 32, 100,
     " ai|*ai|_ai|\"ai|'ai|`ai|,ai|.ai|:ai|;ai|(ai|)ai|-ai|\tai|\rai|\fai|\nai|a.i.|assistant|model|llm|agent|claude|"
     "gpt|gemini|copilot|chatbot"},
    {"poison.addresses-model",
     "\\b(?:the|any|an|your|all) (?:ai|ai (?:assistant|agent|model|system)|llm|language model|assistant|ai assistants)s? "
     "(?:must|should|needs to|need to|has to|is required to|are required to|shall|will now|is (?:authorized|instructed|expected) to|are "
     "instructed to)\\b",
     "ai must|ai should|assistant must|assistant should|assistant needs|assistant has to|assistant is|assistants must|assistants "
     "should|llm must|llm should|model must|model should|agent must|agent should|ai needs|assistant shall|model needs|llm needs|agent "
     "needs|assistant will now|ai is|assistants are",
     Confidence::Medium},
    {"poison.addresses-model",
     "\\bif you(?:'re| are) (?:an? )?(?:ai|llm|language "
     "model|assistant|automated|agent|model|bot)\\b|\\b(?:assistant|ai|claude|chatgpt|gpt-4|copilot|gemini)\\s*[:,]\\s*(?:please|you "
     "must|do|ignore|send|read|call|run|from now)\\b|\\bto you, (?:gpt|claude|ai|the ai|assistant|gemini|local model|llama)",
     "if you are|if you're|assistant:|assistant,|ai:|ai,|claude:|claude,|chatgpt:|chatgpt,|copilot:|gemini:|to you, ", Confidence::High},

    {"poison.planted-task",
     "\\b(?:once|after|when|as soon as)" S "you(?:'ve| have| are)?" S
     "(?:finished |done )?(?:reading|read|processing|processed|see|seen)\\b"
     "[^.!?]{0,40}\\b(?:execute|invoke|run|call)" S "(?:the )?(?:tool|function|command|`|[a-z]+_[a-z_]+\\b)",
     "once you|after you|when you|soon as you", Confidence::Medium, false, 24, 160},

    {"poison.task-switch",
     "\\b(?:task|request|answer)(?: is| has been)?(?: now)? "
     "(?:complete[d]?|done|finished|fulfilled)\\s*[.!]\\s*(?:now|next|then|please|ignore|you must|new task|also)\\b",
     "complete|done|finished|fulfilled", Confidence::Medium, false, 48, 60},
    {"poison.task-switch",
     "\\b(?:strictly )?(?:adhere to|follow|execute|perform|obey|comply with) (?:only )?(?:the|these|this) following (?:new "
     ")?(?:instructions?|commands?|orders?|steps?)\\b.{0,3}[:.]|\\bdo the following (?:things? |steps? |actions? )?first\\b|\\bbefore "
     "(?:you )?(?:can )?(?:solv|complet|answer|finish|continu|proceed|do)\\w*" S
     "(?:with |the |my |your |any )*(?:original|actual|main|initial|user'?s?|current)" S "(?:task|request|question|query)\\b",
     "following instruction|following new|following command|following order|following first|following things first|following steps "
     "first|original task|actual task|main task|initial task|user's task|original request|user's request|current task|following thing "
     "first|user task",
     Confidence::Medium},
    {"poison.task-switch",
     "\\b(?:from now on|starting now|henceforth|from this point)\\b.{0,40}\\b(?:you "
     "(?:will|must|are|should|shall)|always|never|respond|answer|act|reply|ignore)\\b",
     "from now on|starting now|henceforth|from this point", Confidence::Medium},
    {"poison.task-switch",
     "TO"
     "DO:? (?:please "
     ")?(?:send|e-?mail|transfer|pay|buy|sell|book|reserve|invite|forward|share|modify|visit|make|delete|upload|post|get|say|tell)\\b.{0,"
     "160}?(?:[\\w.+-]+@[\\w-]+\\.\\w|https?://|www\\.|\\b[A-Z]{2}\\d{10,}|\\$\\d|\\b\\d[\\d,]{2,} (?:usd|eur|dollars|units|euros))",
     "todo", Confidence::Medium},
    {"poison.decode-and-follow",
     "\\b(?:decode|decipher|interpret|unscramble|decrypt|de-?obfuscate|read)\\b.{0,90}?\\b(?:and|then)\\b.{0,16}?\\b(?:follow|execute|run|"
     "obey|do (?:as|what)|comply|carry out|act on)\\b|\\bfollow (?:this|these|the) "
     "(?:l33t|leet|encoded|hidden|obfuscated|corrupted|base64)",
     "decode|decipher|interpret|unscramble|decrypt|deobfuscate|and do as|and follow|then follow|follow this|follow these|follow the",
     Confidence::Medium},

    {"poison.acts-unasked",
     "\\b(?:always|directly|immediately|automatically|automatic)\\b.{0,90}?\\b(?:without" S
     "(?:requiring|asking(?: for)?|needing|seeking|waiting for)?" SO "(?:any |the )?(?:explicit )?user(?:'s)?" SO
     "(?:approval|confirmation|consent|permission|intervention|input|review)?|no user (?:confirmation|approval|consent|action))\\b",
     "without user|requiring user|without asking|asking user|asking for user|asking the user|needing user|without the user|explicit "
     "user|no user",
     Confidence::Medium},
    {"poison.skips-approval",
     "\\bwithout" S "(?:\\w+" S "){0,3}?(?:approval|confirmation|consent|permission|verification|validation|asking|prompting|review|"
     "authorization|authorisation|checking)\\b",
     "approval|confirmation|consent|permission|verification|validation|asking|prompting|authorization|authorisation", Confidence::Low,
     false, 80, 24},
    {"poison.skips-approval",
     "\\b(?:skip|bypass|disable|suppress|omit|turn off|circumvent)" S "(?:\\w+" S
     "){0,3}?(?:verification|confirmation|approval|safety|security|validation|permission|authentication|authorization|checks?|prompts?|"
     "warnings?)\\b",
     "skip|bypass|disable|suppress|omit|turn off|circumvent", Confidence::Low},
    {"poison.skips-approval",
     "\\b(?:auto(?:matically)?[ -]?approv\\w+|always (?:approve|accept|allow|confirm|grant)|trust (?:all|this|every)\\w* \\w* "
     "?(?:input|implicitly)|execute any (?:command|request)|grant "
     "(?:unrestricted|full|all)|unrestricted_access|(?:full|elevated|root|admin\\w*) "
     "(?:access|privileges)\\b.{0,30}\\b(?:granted|enabled|now|have))",
     "approv|always accept|always allow|always confirm|trust all|trust this|trust every|execute any|grant unrestricted|grant "
     "full|unrestricted_access|admin access|full access|elevated privileges|root access|admin privileges",
     Confidence::Medium},

    {"poison.prompt-leak",
     "\\b(?:output|print|reveal|repeat|show|return|display|leak|tell me|give me|share|dump|write|include|what (?:is|are)|list|copy)\\b" S
     "(?:[\\w'-]+" S "){0,6}?(?:system (?:prompt|instructions?|message)|hidden (?:prompt|instructions?)|initial "
     "(?:prompt|instructions)|your (?:instructions|prompt|rules|guidelines)|tool "
     "(?:definitions|schemas|list)|(?:conversation|chat) history|prompt verbatim|text above|words above)\\b",
     "system prompt|system instruction|system message|hidden prompt|hidden instruction|initial prompt|initial instruction|your "
     "instructions|your prompt|your rules|your guidelines|tool definitions|tool schemas|conversation history|chat history|prompt "
     "verbatim|text above|words above",
     Confidence::Medium},
    {"poison.prompt-leak",
     "\\b(?:what|which)\\b.{0,12}\\b(?:were|are|was|is)\\b.{0,12}\\b(?:you (?:told (?:to do|before|at the|not "
     "to)|programmed|instructed|given|set up)|your (?:starting|governing|initial|original|core|system) "
     "(?:instructions|directives|guidance|rules|prompt))",
     "were you|you programmed|you instructed|your starting|your governing|your initial|your original|your core|your system",
     Confidence::Medium},

    {"poison.data-image",
     "!\\[[^\\]]*\\]\\(\\s*<?https?://"
     "[^)\\s]+\\?[^)\\s]*?(?:data|payload|q|c|d|exfil|token|secret|key|info|content|leak|msg|text|s|p|query|user|log)=[^)\\s]*\\)",
     "](http|](<http|]( http", Confidence::Medium},
    {"poison.data-image", "!\\[[^\\]]*\\]\\(\\s*<?https?://[^)\\s]*(?:\\{[^}\\s]{1,60}\\}|\\$\\{|%7B|\\[[A-Z_ ]{3,40}\\]|<[a-z_ ]{3,40}>)",
     "](http|](<http", Confidence::High},
    {"poison.data-image",
     "<img[^>]*src\\s*=\\s*[\"']?https?://[^\"'\\s>]+\\?[^\"'\\s>]*(?:data|payload|exfil|token|secret|key|info|content|leak|c|q|d)=",
     "<img", Confidence::Medium},
    {"poison.active-markup",
     "<script\\b|<iframe\\b|<object\\b|<embed\\b|\\bon(?:error|load|click|mouseover)\\s*=\\s*[\"']|\\bjavascript:|\\bdata:text/"
     "html|<meta[^>]+http-equiv",
     "<script|<iframe|<object|<embed|onerror|onload|onclick|onmouseover|javascript:|data:text/html|http-equiv", Confidence::Medium},

    {"poison.remote-code",
     "\\b(?:run|execute|paste|type|enter|issue|launch)" S "(?:\\w+" S
     "){0,5}?[`\"']?(?:curl|wget|iwr|invoke-webrequest|powershell|bash -c|sh -c|python3? -c|nc |ncat )\\b.{0,120}",
     "curl|wget|iwr|invoke-webrequest|powershell|bash -c|sh -c|python -c|python3 -c", Confidence::Low},
    {"poison.remote-code",
     "\\b(?:curl|wget)\\b[^\\n|]{4,200}(?:\\|\\s*(?:sudo )?(?:ba|z|da)?sh\\b|\\$\\([^)]*(?:cat|env|whoami|id\\b)[^)]*\\))", "curl|wget",
     Confidence::Medium},
    {"poison.covert-function",
     "\\b(?:also|additionally|in the "
     "background|secretly|transparently|continuously)\\b.{0,60}\\b(?:collect|log|record|capture|transmit|stream|upload|send|track|harvest|"
     "store|sync)\\w*\\b.{0,80}\\b(?:keystrokes?|clipboard|passwords?|credentials?|tokens?|user (?:data|activity|input)|usage "
     "data|conversation|personal|location|screen|fingerprint|remote|external|third[ -]part|cloud|endpoint|analytics)",
     "keystroke|clipboard|password|credential|token|user data|user activity|user input|usage "
     "data|conversation|personal|location|screen|fingerprint|remote|external|third part|third-part|cloud|endpoint|analytics",
     Confidence::Medium, false, 200, 24, "also|additionally|in the background|secretly|transparently|continuously"},
};

}  // namespace

std::span<const Rule> phrase_rules() { return kRules; }

std::span<const PhraseRow> phrase_rows() { return kRows; }

void add_poisoning(Scanner::Tables& tables) {
  add_phrases(tables, kRows);
  add_phrases(tables, request_rows());
}

}  // namespace callgate::inspection
