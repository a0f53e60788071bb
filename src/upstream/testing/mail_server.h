#pragma once
// A mail server for tests: speaks SMTP as its script says, on a thread of its own; one connection at a time; stops by itself.

#include <unistd.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "net/testing/listening_thread.h"
#include "net/tls.h"

namespace callgate::upstream {

struct MailScript {
  std::map<std::string, std::string> answers;  // by step: greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, message; else it agrees
  std::string offers;                          // lines of the answer to EHLO: "250-STARTTLS\r\n"
  std::shared_ptr<net::TlsContext> tls;
  bool tls_first = false;                                                           // smtps
  std::size_t bytes_out_max = std::string::npos, bytes_in_max = std::string::npos;  // then it closes
};

struct SeenMail {
  std::string from, to, text, login;
  bool tls = false;
};

class MailThread {
 public:
  explicit MailThread(MailScript script = {}) : script_(std::move(script)) {}
  std::vector<SeenMail> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  std::string heard() {  // every line but the messages
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  std::size_t bytes_taken() {  // that came in before it took the last one
    const std::lock_guard lock(mutex_);
    return bytes_taken_;
  }

 private:
  void serve(int fd) {
    in_.clear();
    bytes_in_ = bytes_out_ = 0;
    now_ = {};
    stream_ = script_.tls_first ? std::move(*net::ByteStream::tls_server(fd, *script_.tls)) : net::ByteStream::plain(fd);
    now_.tls = script_.tls_first;
    converse();
    stream_.reset();
  }

  bool say(std::string_view text) {
    const bool cut = text.size() > script_.bytes_out_max - bytes_out_;
    if (cut) text = text.substr(0, script_.bytes_out_max - bytes_out_);
    bytes_out_ += text.size();
    while (!text.empty()) {
      const auto wrote = stream_->write(text);
      if (wrote.status == net::IoResult::Status::Ok) text.remove_prefix(wrote.bytes);
      else if (wrote.status != net::IoResult::Status::WouldBlock || !thread_.readable(stream_->fd()))
        return false;  // TLS waits for the peer
    }
    return !cut;
  }
  bool line(std::string& into) {  // without CRLF; false: closed
    while (true) {
      if (const std::size_t end = in_.find("\r\n"); end != std::string::npos) {
        into = in_.substr(0, end);
        in_.erase(0, end + 2);
        return true;
      }
      char buffer[4096];
      const auto got = stream_->read(buffer, sizeof buffer);
      if (got.status == net::IoResult::Status::WouldBlock) {
        if (!thread_.readable(stream_->fd())) return false;
        continue;
      }
      if (got.status != net::IoResult::Status::Ok) return false;
      bytes_in_ += got.bytes;
      if (bytes_in_ >= script_.bytes_in_max) return false;
      in_.append(buffer, got.bytes);
    }
  }
  bool answer(const std::string& step, const std::string& otherwise) {
    const auto own = script_.answers.find(step);
    return say((own == script_.answers.end() ? otherwise : own->second) + "\r\n");
  }
  bool refused(const std::string& step) const { return script_.answers.contains(step); }

  bool start_tls() {
    if (!answer("STARTTLS", "220 go on") || refused("STARTTLS")) return !refused("STARTTLS");
    const int fd = ::dup(stream_->fd());
    stream_.reset();
    stream_ = std::move(*net::ByteStream::tls_server(fd, *script_.tls));
    return now_.tls = true;
  }
  bool login() {
    if (!refused("AUTH") && !(say("334 \r\n") && line(now_.login))) return false;
    return answer("AUTH", "235 welcome");
  }
  bool message() {
    if (!answer("DATA", "354 go on") || refused("DATA")) return refused("DATA");
    std::string text;
    while (line(text) && text != ".") now_.text += (text.starts_with("..") ? text.substr(1) : text) + "\r\n";
    if (text != ".") return false;
    if (!refused("message")) {
      const std::lock_guard lock(mutex_);
      taken_.push_back(now_);
      bytes_taken_ = bytes_in_;
    }
    return answer("message", "250 taken");
  }
  void converse() {
    std::string said;
    if (!answer("greeting", "220 mail.test")) return;
    while (line(said)) {
      {
        const std::lock_guard lock(mutex_);
        heard_ += said + "\n";
      }
      const std::string verb = said.substr(0, said.find_first_of(" :"));
      bool on = true;
      if (verb == "EHLO") on = answer("EHLO", script_.offers + "250 8BITMIME");
      else if (verb == "STARTTLS") on = start_tls();
      else if (verb == "AUTH") on = login();
      else if (verb == "MAIL") now_.from = said, on = answer("MAIL", "250 fine");
      else if (verb == "RCPT") now_.to = said, on = answer("RCPT", "250 fine");
      else if (verb == "DATA") on = message();
      else if (verb == "QUIT") return (void)say("221 bye\r\n");
      else on = say("500 what\r\n");
      if (!on) return;
    }
  }

  MailScript script_;
  std::unique_ptr<net::ByteStream> stream_;
  std::string in_, heard_;
  std::size_t bytes_in_ = 0, bytes_out_ = 0, bytes_taken_ = 0;
  SeenMail now_;
  std::vector<SeenMail> taken_;  // guarded by mutex_
  std::mutex mutex_;
  net::ListeningThread thread_{[this](int fd) { serve(fd); }};

 public:
  const std::uint16_t port = thread_.port();
};

}  // namespace callgate::upstream
