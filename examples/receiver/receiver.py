# Receives callbacks of Millrace: checks who sent them, takes each event once, prints it. Python 3.9 or newer, no packages.
#   MILLRACE_CALLBACK_SECRET=whsec_… PORT=9000 python3 receiver.py
import base64, hmac, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Two while a secret is replaced: the new one and the former one, with a blank between them.
KEYS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in os.environ["MILLRACE_CALLBACK_SECRET"].split()]
TOLERANCE_S = 300
MOST_BYTES = 4 << 20
seen = {}  # In earnest these belong into the database, in the transaction that acts on the event.


def is_genuine(headers, body):
    event_id, at, signatures = (headers.get("webhook-" + name, "") for name in ("id", "timestamp", "signature"))
    if not (at.isascii() and at.isdigit()) or abs(time.time() - int(at)) > TOLERANCE_S:
        return False
    content = f"{event_id}.{at}.".encode("latin-1") + body
    wanted = [b"v1," + base64.b64encode(hmac.digest(key, content, "sha256")) for key in KEYS]
    return any(hmac.compare_digest(given.encode(), want) for given in signatures.split() for want in wanted)


class Receiver(BaseHTTPRequestHandler):
    timeout = 15

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length) if 0 <= length <= MOST_BYTES else b""
        genuine = is_genuine(self.headers, body)
        if genuine and seen.setdefault(self.headers["webhook-id"], self) is self:
            print(self.headers["webhook-id"], body.decode(), flush=True)
        self.send_response(204 if genuine else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9000))), Receiver).serve_forever()
