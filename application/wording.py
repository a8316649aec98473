"""What the letters say: in English, in plain text, nothing personal in a subject, and none asks for a password.

Each letter with a code is a function of that code, as `NewCode.write` wants it.
"""

from collections.abc import Callable

import msgspec

from application.ports.letters import Channel, Letter

CodeLetter = Callable[[str], Letter]

NOT_YOU = "If that was not you, do nothing: without it nothing changes."
PHONE_RELEASED = (
    "The phone number was removed, since it had been added before a letter to this address ever set the password: it"
    " does not sign in any more. If it is yours, add it again."
)
PHONE_STAYS = "Codes that are sent to the account's phone number sign in too: if it is not yours, change it to yours."
NOTICE_NOT_YOU = "If that was not you, reset your password now and write to support."


class Wording(msgspec.Struct, frozen=True):
    """`app_address` is where the app has its pages; a link's token comes after `#`, so that no server logs it."""

    app_address: str

    def sign_in_code(self, phone: str) -> CodeLetter:
        return lambda code: _text(phone, "sign_in", f"{code} is your Streamly sign-in code. It is good for 10 minutes.")

    def phone_change_code(self, phone: str) -> CodeLetter:
        body = "confirms this number for your Streamly account. It is good for 10 minutes."
        return lambda code: _text(phone, "phone_change", f"{code} {body}")

    def erasure_code(self, channel: Channel, to: str) -> CodeLetter:
        def letter(code: str) -> Letter:
            what = f"{code} confirms that your Streamly account is to be erased, for good. It is good for 10 minutes."
            if channel == "sms":
                return _text(to, "erasure", what)
            return _mail(to, "erasure", "Confirm the erasure of your Streamly account", what, NOT_YOU)

        return letter

    def email_verification(self, email: str) -> CodeLetter:
        return self._link(
            email,
            kind="email_verification",
            subject="Confirm your e-mail address",
            ask="Somebody registered with this address, and chose the password. If that was you, please confirm that"
            " it is your e-mail address. The link is good for 24 hours:",
            page="verify-email",
        )

    def email_change(self, email: str) -> CodeLetter:
        return self._link(
            email,
            kind="email_change",
            subject="Confirm your new e-mail address",
            ask="This address was given as the new one of a Streamly account. To confirm it, within 30 minutes:",
            page="verify-email",
        )

    def password_reset(self, email: str) -> CodeLetter:
        return self._link(
            email,
            kind="password_reset",
            subject="Reset your Streamly password",
            ask="Somebody asked to reset the password of your Streamly account. The link is good for 30 minutes:",
            page="reset-password",
        )

    def _link(self, email: str, *, kind: str, subject: str, ask: str, page: str) -> CodeLetter:
        def letter(token: str) -> Letter:
            return _mail(email, kind, subject, ask, f"{self.app_address}/{page}#token={token}", NOT_YOU)

        return letter

    def password_changed(self, channel: Channel, to: str, *, about_phone: str = "") -> Letter:
        what = "The password of your Streamly account has been changed, and you are signed out everywhere else."
        said = f"{what} {about_phone}".rstrip()
        return _notice(channel, to, "password_changed", "Your Streamly password was changed", said)

    def email_changed(self, channel: Channel, former: str) -> Letter:
        what = "Your Streamly account has another e-mail address from now on; a former one no longer signs in."
        return _notice(channel, former, "email_changed", "Your e-mail address was changed", what)

    def phone_changed(self, channel: Channel, to: str) -> Letter:
        what = "The phone number of your Streamly account has been changed."
        return _notice(channel, to, "phone_changed", "Your phone number was changed", what)


def _notice(channel: Channel, to: str, kind: str, subject: str, what: str) -> Letter:
    if channel == "sms":
        return _text(to, kind, f"{what} {NOTICE_NOT_YOU}")
    return _mail(to, kind, subject, what, NOTICE_NOT_YOU)


def _text(phone: str, kind: str, body: str) -> Letter:
    return Letter(channel="sms", to=phone, kind=kind, subject="", body=body)


def _mail(email: str, kind: str, subject: str, *paragraphs: str) -> Letter:
    body = "\n\n".join(("Hello,", *paragraphs, "Streamly")) + "\n"
    return Letter(channel="email", to=email, kind=kind, subject=subject, body=body)
