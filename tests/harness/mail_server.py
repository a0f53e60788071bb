"""A real mail server (python3-aiosmtpd) as a process of its own, run by whichever Python has it: what it takes becomes lines of JSON.

    python3 mail_server.py CERTIFICATE KEY LOGIN PASSWORD OUT     STARTTLS and a login are demanded; writes the port into OUT.port
"""
import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, out: pathlib.Path):
        self.out = out

    async def handle_DATA(self, server, session, envelope):
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode("ascii"), "tls": session.ssl is not None,
                "login": bool(session.authenticated)}
        with self.out.open("a") as file:
            file.write(json.dumps(mail) + "\n")
        return "250 taken"


async def main(certificate: str, key: str, login: str, password: str, out: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login.decode(), data.password.decode()) == (login, password), handled=False)

    def session():
        return SMTP(Keep(pathlib.Path(out)), tls_context=context, require_starttls=True, auth_required=True, auth_require_tls=True, authenticator=authenticate)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    port = pathlib.Path(out + ".port")
    port.with_suffix(".new").write_text(str(server.sockets[0].getsockname()[1]))
    port.with_suffix(".new").rename(port)
    await asyncio.wait_for(server.serve_forever(), 600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
