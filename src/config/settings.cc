#include "config/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

#include "base/clock.h"
#include "base/read_file.h"
#include "config/settings_file.h"

namespace callgate::config {
namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;

std::string quoted(std::string_view text) { return "`" + std::string(text.substr(0, 80)) + "`"; }

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto comma = text.find(',');
    auto part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

bool is_choice(std::string_view value, std::string_view choices) {
  while (!choices.empty()) {
    auto bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return false;
}

tl::unexpected<Error> bad_value(const Setting& setting, std::string_view from, std::string_view value, std::string_view expected) {
  return fail(Code::InvalidArgument, "config.value",
              std::string(from) + ": " + quoted(setting.key) + " is " + quoted(value) + ", expected " + std::string(expected));
}

// One value, as text, into its field. Lists come split already when a file wrote them as a list.
Result<void> assign(Settings& settings, const Setting& setting, std::string_view from, const FileValue& value) {
  Field field = setting.field(settings);
  if (setting.type != Type::Texts && value.is_list) return bad_value(setting, from, "a list", "one value");
  switch (setting.type) {
    case Type::Text:
    case Type::Path:
      if (auto* secret = std::get_if<Secret*>(&field)) **secret = Secret(value.text);
      else *std::get<std::string*>(field) = value.text;
      return {};
    case Type::Choice:
      if (!is_choice(value.text, setting.choices)) return bad_value(setting, from, value.text, "one of " + std::string(setting.choices));
      *std::get<std::string*>(field) = value.text;
      return {};
    case Type::Flag:
      if (value.text != "true" && value.text != "false") return bad_value(setting, from, value.text, "true or false");
      *std::get<bool*>(field) = value.text == "true";
      return {};
    case Type::Number: {
      auto number = parse_number(value.text);
      if (!number) return bad_value(setting, from, value.text, "a whole number");
      *std::get<std::int64_t*>(field) = *number;
      return {};
    }
    case Type::Bytes: {
      auto bytes = parse_bytes(value.text);
      if (!bytes) return bad_value(setting, from, value.text, "bytes such as 65536 or 4MiB");
      *std::get<std::int64_t*>(field) = *bytes;
      return {};
    }
    case Type::Duration: {
      auto duration = value.text.empty() ? std::optional(std::chrono::seconds(0)) : parse_duration(value.text);
      if (!duration) return bad_value(setting, from, value.text, "a duration such as 90s, 15m or 30d");
      *std::get<std::chrono::seconds*>(field) = *duration;
      return {};
    }
    case Type::Texts: *std::get<std::vector<std::string>*>(field) = value.is_list ? value.list : split_list(value.text); return {};
  }
  return {};
}

std::string show(const FileValue& value) {
  if (!value.is_list) return value.text;
  std::string out;
  for (const auto& item : value.list) out += (out.empty() ? "" : ", ") + item;
  return out;
}

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {}

  Result<Loaded> run() {
    for (const auto& setting : settings_table()) CG_CHECK(set(setting, "default", {std::string(setting.default_text), {}, false, 0}));
    CG_CHECK(take_file(sources_.system_file, false));
    CG_CHECK(take_file(sources_.user_file, false));
    CG_CHECK(take_file(sources_.project_file, true));
    CG_CHECK(take_environment());
    for (const auto& [key, value] : sources_.flags) {
      const Setting* setting = find(key);
      if (!setting) return unknown(key, "command line");
      CG_CHECK(set(*setting, "--" + key, {value, {}, false, 0}));
    }
    CG_CHECK(derive());
    Loaded loaded{std::move(settings_), {}};
    for (const auto& setting : settings_table()) {
      auto& [value, from] = origins_[setting.key];
      loaded.origins.push_back({std::string(setting.key), value, from});
    }
    return loaded;
  }

 private:
  static const Setting* find(std::string_view key) {
    for (const auto& setting : settings_table())
      if (setting.key == key) return &setting;
    return nullptr;
  }

  static tl::unexpected<Error> unknown(std::string_view key, std::string_view from) {
    std::vector<std::string_view> known;
    for (const auto& setting : settings_table()) known.push_back(setting.key);
    auto near = suggest(key, known);
    return fail(Code::InvalidArgument, "config.unknown_key",
                std::string(from) + ": there is no setting " + quoted(key) +
                    (near.empty() ? "; `callgate config show` lists them" : "; did you mean " + quoted(near) + "?"));
  }

  Result<void> set(const Setting& setting, std::string from, const FileValue& value) {
    CG_CHECK(assign(settings_, setting, from, value));
    bool secret = is_secret(setting) || setting.key == "approvals.webhook";
    origins_[setting.key] = {secret ? (value.text.empty() ? "" : "(set)") : show(value), std::move(from)};
    return {};
  }

  Result<void> take_file(const std::string& path, bool project) {
    if (path.empty() || ::access(path.c_str(), F_OK) != 0) return {};
    CG_TRY(auto values, read_settings_file(path));
    for (const auto& [key, value] : values) {
      std::string from = path + ":" + std::to_string(value.line);
      const Setting* setting = find(key);
      if (!setting) return unknown(key, from);
      if (is_secret(*setting)) {
        const std::string name = environment_name(key);
        return fail(Code::InvalidArgument, "config.secret_in_file",
                    from + ": " + quoted(key) + " is a secret; set " + name + " or " + name + "_FILE instead");
      }
      if (project && !setting->project_file)
        return fail(Code::InvalidArgument, "config.project_file",
                    from + ": " + quoted(key) + " may not come from a project file; set it in the user file or as " +
                        environment_name(setting->key));
      CG_CHECK(set(*setting, from, value));
    }
    return {};
  }

  Result<void> take_environment() {
    if (!sources_.environment) return {};
    for (const auto& setting : settings_table()) {
      std::string name = environment_name(setting.key);
      auto value = sources_.environment(name);
      if (is_secret(setting)) {
        std::string file_name = name + "_FILE";
        if (auto file = sources_.environment(file_name); file && !file->empty()) {
          if (value && !value->empty())
            return fail(Code::InvalidArgument, "config.value", quoted(name) + " and " + quoted(file_name) + " are both set; keep one");
          CG_TRY(auto text, read_secret(*file, file_name));
          CG_CHECK(set(setting, file_name, {text, {}, false, 0}));
          continue;
        }
      }
      if (value && !value->empty()) CG_CHECK(set(setting, name, {*value, {}, false, 0}));
    }
    return {};
  }

  static Result<std::string> read_secret(const std::string& path, const std::string& named_by) {
    auto text = read_small_file(path, kSecretBytesMax);
    if (!text) return fail(Code::InvalidArgument, "config.value", named_by + ": " + text.error().message);
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    return text;
  }

  std::string variable(const char* name) const { return sources_.environment ? sources_.environment(name).value_or("") : std::string(); }

  Result<void> derive() {
    if (settings_.data_dir.empty()) {
      std::string home = variable("HOME"), xdg = variable("XDG_DATA_HOME");
      if (sources_.root) settings_.data_dir = "/var/lib/callgate";
      else if (!xdg.empty()) settings_.data_dir = xdg + "/callgate";
      else if (!home.empty()) settings_.data_dir = home + "/.local/share/callgate";
      else return fail(Code::InvalidArgument, "config.value", "no HOME to keep data in; set `data_dir` or CALLGATE_DATA_DIR");
      origins_["data_dir"].first = settings_.data_dir;
    }
    while (settings_.data_dir.size() > 1 && settings_.data_dir.back() == '/') settings_.data_dir.pop_back();
    auto colon = settings_.listen.rfind(':');
    std::string_view listen = settings_.listen;
    auto port = colon == std::string::npos ? std::nullopt : parse_number(listen.substr(colon + 1));
    std::string_view address = listen.substr(0, colon == std::string::npos ? 0 : colon);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
    else if (address.find(':') != std::string_view::npos) port = std::nullopt;  // IPv6 wants brackets
    if (!port || *port > 65535 || address.empty())
      return fail(Code::InvalidArgument, "config.value",
                  "`listen` is " + quoted(settings_.listen) + ", expected address:port such as 127.0.0.1:8808 or [::1]:8808");
    settings_.listen_address = address == "localhost" ? "127.0.0.1" : std::string(address);
    settings_.listen_port = static_cast<std::uint16_t>(*port);
    std::string& url = settings_.public_url;
    if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://"))
      return fail(Code::InvalidArgument, "config.value", "`public_url` is " + quoted(url) + ", expected https://host[:port]");
    while (!url.empty() && url.back() == '/') url.pop_back();
    if (settings_.timeouts.head.count() == 0 || settings_.timeouts.body.count() == 0 || settings_.timeouts.idle.count() == 0 ||
        settings_.timeouts.write.count() == 0)
      return fail(Code::InvalidArgument, "config.value", "`timeouts` must be above zero: a connection without one can be held for ever");
    if (settings_.limits.checkpoint_interval.count() == 0)
      return fail(Code::InvalidArgument, "config.value", "`limits.checkpoint_interval` must be above zero");
    if (settings_.inspection.bytes_max < 64 * 1024 || settings_.inspection.bytes_max > 64 * 1024 * 1024)
      return fail(Code::InvalidArgument, "config.value", "`inspection.bytes_max` must be 64KiB to 64MiB");
    return {};
  }

  const Sources& sources_;
  Settings settings_;
  std::map<std::string_view, std::pair<std::string, std::string>> origins_;
};

bool dotted_quad(std::string_view text) {
  int parts = 0;
  while (true) {
    auto dot = text.find('.');
    auto part = parse_number(text.substr(0, dot));
    if (!part || *part > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool Settings::listens_on_loopback() const {
  return listen_address == "::1" || (listen_address.starts_with("127.") && dotted_quad(listen_address));
}

std::string Settings::base_url() const {
  if (!public_url.empty()) return public_url;
  bool v6 = listen_address.find(':') != std::string::npos;
  return std::string(tls.certificate.empty() ? "http://" : "https://") + (v6 ? "[" + listen_address + "]" : listen_address) + ":" +
         std::to_string(listen_port);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  int shift = 0;
  for (auto [suffix, bits] : {std::pair<std::string_view, int>{"KiB", 10}, {"MiB", 20}, {"GiB", 30}})
    if (text.ends_with(suffix)) {
      shift = bits;
      text.remove_suffix(suffix.size());
      break;
    }
  auto value = parse_number(text);
  if (!value || *value > (std::int64_t{1} << 40 >> shift)) return std::nullopt;
  return *value << shift;
}

std::string suggest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (auto candidate : known) {
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        std::size_t changed = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
      }
    }
    // A forgotten group counts as near: `commit` means `audit.commit`.
    std::size_t distance = row.back();
    if (candidate.size() > word.size() && !word.empty() && candidate.ends_with("." + std::string(word))) distance = 1;
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return std::string(best);
}

Result<Loaded> load(const Sources& sources) { return Loader(sources).run(); }

Result<void> check_for_serving(const Settings& settings) {
  if (settings.tls.certificate.empty() != settings.tls.key.empty())
    return fail(Code::InvalidArgument, "config.tls", "`tls.certificate` and `tls.key` go together; set both or neither");
  if (settings.tls.certificate.empty() && !settings.listens_on_loopback() && !settings.unsafe_plain_listen)
    return fail(Code::InvalidArgument, "config.unsafe_listen",
                "`listen` is " + quoted(settings.listen) +
                    " without TLS: grants would cross the network in clear text; set tls.certificate and tls.key, listen on 127.0.0.1 "
                    "behind a TLS proxy, or set unsafe_plain_listen: true if the link is private");
  return {};
}

Sources Sources::of_process() {
  Sources sources;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  sources.root = ::geteuid() == 0;
  auto home = sources.environment("HOME").value_or("");
  auto xdg = sources.environment("XDG_CONFIG_HOME").value_or("");
  if (!xdg.empty()) sources.user_file = xdg + "/callgate/config.yaml";
  else if (!home.empty()) sources.user_file = home + "/.config/callgate/config.yaml";
  sources.project_file = find_project_file(home);
  return sources;
}

}  // namespace callgate::config
