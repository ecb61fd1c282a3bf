"""aiosmtpd as providers run theirs: nothing before STARTTLS, no mail before a sign-in. Each mail becomes a file.

server.py PORT CERT KEY FOLDER
"""

import email
import email.policy
import json
import pathlib
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

PORT, CERT, KEY, FOLDER = int(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data.login.decode(),
            "by_tls": session.ssl is not None,
            "subject": message["Subject"],
            "text": message.get_content().replace("\r\n", "\n"),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
        }
        (FOLDER / "new").write_text(json.dumps(mail))
        (FOLDER / "new").rename(FOLDER / "mail.json")
        return "250 taken"


def judge(server, session, envelope, mechanism, auth_data):
    known = (auth_data.login, auth_data.password) == (b"me@example.com", b"correct horse")
    # Not handled: it is aiosmtpd that answers 535.
    return AuthResult(success=known, handled=False, auth_data=auth_data)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERT, KEY)
controller = Controller(
    Keeper(),
    hostname="127.0.0.1",
    port=PORT,
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    auth_require_tls=True,
    authenticator=judge,
)
controller.start()
signal.sigwait([signal.SIGTERM])
controller.stop()
