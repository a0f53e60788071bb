// Preload (node --require): servers that ask for no address listen on 127.0.0.1 instead of everywhere. At once, because the harness reads
// the port right after listen(). With ANNOUNCE set, it prints `listening PORT` for servers that do not say which port they got.
const net = require('node:net');

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : { port: args[0], host: typeof args[1] === 'string' ? args[1] : undefined };
  const port = Number(options.port);
  if (options.host !== undefined || options.path !== undefined || options.port === undefined || Number.isNaN(port)) return listen.apply(this, args);
  const handle = net._createServerHandle('127.0.0.1', port, 4, -1);
  if (typeof handle === 'number') return listen.apply(this, args);
  if (process.env.ANNOUNCE) this.once('listening', () => console.log(`listening ${this.address().port}`));
  const done = args.find((argument) => typeof argument === 'function');
  return done ? listen.call(this, handle, done) : listen.call(this, handle);
};
