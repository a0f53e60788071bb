#include <algorithm>

#include "inspection/shell_walk.h"

namespace callgate::inspection {

std::string joined(const Words& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i].text;
  return text;
}

void note(const std::string& name, const ShellCommand& command, Pipeline& pipeline) {
  const Words& words = command.words;
  pipeline.known = false;
  std::string line = joined(words, 0);
  if (name == "echo" || name == "printf") {
    std::size_t at = 1;
    while (at < words.size() && (words[at].text == "-e" || words[at].text == "-n" || words[at].text == "-ne" || words[at].text == "-en" ||
                                 words[at].text == "-E"))
      ++at;
    if (name == "printf" && words.size() > at + 1 && words[at].text.find('%') != std::string::npos) ++at;
    pipeline.known = std::none_of(words.begin(), words.end(), [](const ShellWord& w) { return w.expands; });
    pipeline.text = replace_all(joined(words, at), "\\n", "\n");
    pipeline.secrets = pipeline.secrets || (pipeline.known && sensitive_file(pipeline.text));
  } else if ((name == "cat" || name == "tee") && !command.input.empty()) {
    pipeline.known = true;
    pipeline.text = command.input;
  }
  pipeline.fetches = pipeline.fetches || name == "curl" || name == "wget" || name == "fetch" || name == "nc" || name == "ncat" ||
                     name == "aria2c" || name == "http";
  bool decode = line.find(" -d") != std::string::npos || line.find("--decode") != std::string::npos ||
                line.find(" -D") != std::string::npos || line.find(" -r") != std::string::npos;
  pipeline.decodes =
      pipeline.decodes ||
      ((name == "base64" || name == "base32" || name == "xxd" || name == "openssl" || name == "gpg" || name == "uudecode") && decode) ||
      name == "rev";
  bool reads_secret =
      name == "env" || name == "printenv" || (name == "set" && words.size() == 1) || (name == "history" && words.size() == 1);
  for (const ShellWord& word : words) reads_secret = reads_secret || sensitive_file(word.text);
  for (const auto& redirect : command.redirects)
    reads_secret = reads_secret || (redirect.op == "<" && sensitive_file(redirect.target.text));
  pipeline.secrets = pipeline.secrets || reads_secret;
}

}  // namespace callgate::inspection
