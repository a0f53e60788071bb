#pragma once
// One client connection: reads a request, gives it to the handler, writes the reply, starts again. Strictly one request at a time;
// while a reply is outstanding nothing more is read, so a client that pipelines without end waits in its own send buffer.
// Nothing here calls back into the handler from inside a call of the handler; a closed connection lives on until the batch ends.

#include "listener/door.h"

namespace callgate::listener {

class Connection final : public net::Watcher, public Reply {
 public:
  Connection(Door& door, std::unique_ptr<net::ByteStream> stream, const Peer& peer);
  ~Connection() override;

  bool start();
  void on_ready(std::uint32_t events) override;
  bool read_ahead(std::uint32_t events) override;
  void attend();

  void observe(ReplyObserver* observer) override { observer_ = observer; }
  void send(const ResponseHead& head, std::string_view body) override;
  void begin_stream(const ResponseHead& head) override;
  bool write(std::string_view data) override;
  void finish() override;
  void abort() override;
  void set_memo(void* memo, void (*destroy)(void*)) override;

 private:
  friend class Door;

  enum class State : std::uint8_t {
    Head,  // idle, or part of a head is here
    Body,
    Replying,   // the handler owes an answer
    Flushing,   // the answer is complete, the socket is not taking it
    Lingering,  // the answer is out and we will close; unread bytes are drained first, or the kernel would reset the answer away
    Orphaned,   // the client is gone, the handler watches nothing and still owes an answer: kept until it gives it
    Dead,
  };
  enum class Step { Again, NeedMore, Stop };
  enum class Flush { Empty, Waiting, Broken };

  // connection.cc: the request
  void proceed();
  void pump();
  Step take_head();
  Step accept_head();
  Step take_body();
  Step take_chunks();
  Step dispatch(bool head_is_fresh);
  void consume_request();
  bool read_some();
  bool make_room();
  void refuse(const Error& error);
  void report_refusal(const Error& error, int status);
  void on_deadline();
  std::string_view buffered() const { return {buffer_.get(), used_}; }
  bool unread() const { return used_ > request_end_ || readable_; }
  void drop_buffer();

  // connection_reply.cc: the answer
  Flush flush();
  void after_flush(Flush outcome);
  void write_head(const ResponseHead& head, BodyFraming framing, std::size_t length);
  void put(std::string_view head, std::string_view body);
  void queue(std::string_view bytes, std::size_t skip);
  void end_reply();
  void reply_done();
  void begin_close();
  void linger();
  void gone();
  void close();

  Door& door_;
  std::unique_ptr<net::ByteStream> stream_;
  ReplyObserver* observer_ = nullptr;
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;

  // [0, head_bytes_) head, then the body (de-chunked in place), gap, [raw_at_, used_) not looked at yet.
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0, used_ = 0, head_bytes_ = 0, body_bytes_ = 0, raw_at_ = 0, request_end_ = 0;
  std::uint64_t body_length_ = 0;
  net::BodyReader body_;
  std::optional<net::IoResult> ahead_;  // of a read that was made before its turn; the bytes are behind used_

  std::string out_;
  std::size_t out_at_ = 0;
  std::size_t lingered_ = 0;
  void* memo_ = nullptr;
  void (*destroy_memo_)(void*) = nullptr;
  net::Timer phase_timer_, write_timer_;
  Peer peer_;

  State state_ = State::Head;
  bool readable_ = false;    // the socket may hold more than was read
  bool ending_ = false;      // the peer ended its side: read until that shows
  bool head_begun_ = false;  // the head deadline runs
  bool chunked_ = false, is_head_ = false, http_1_0_ = false, close_after_ = false;
  bool streaming_ = false, chunked_reply_ = false, above_mark_ = false, broken_ = false;
  bool pumping_ = false, wants_attention_ = false, half_close_told_ = false;
};

}  // namespace callgate::listener
