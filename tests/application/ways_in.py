"""The use cases of accounts on adapters in memory, and a mailbox in which their letters are read."""

import re
from uuid import UUID, uuid4

from adapters.crypto.code_secrets import HmacCodeSecrets
from adapters.crypto.master_keys import MasterKeys
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.memory.clock import MemoryClock
from adapters.memory.ledger import MemoryLedger
from adapters.memory.letters import MemoryCodes, MemoryLetters
from adapters.memory.secrets import MemoryAccessTokens, MemoryBlindIndex, MemoryPasswords, MemoryRefreshTokens
from adapters.memory.sign_ins import MemorySignIns
from adapters.memory.tables import MemoryTables
from adapters.memory.vault import MemoryVault
from application.accounts import Accounts
from application.emails import Emails
from application.new_passwords import NewPasswords
from application.notices import Notices
from application.password_rules import PasswordCheck
from application.phones import Phones
from application.ports.addresses import NumberInvalid
from application.ports.letters import Written
from application.recall import Records
from application.sealed_letters import SealedLetters
from application.signing_in import SigningIn
from application.wording import Wording

TOKEN = re.compile(r"#token=(\S+)")
DIGITS = re.compile(r"\b(\d{6})\b")


class RandomIdentifiers:
    """For rows whose ids no story is about."""

    def new(self) -> UUID:
        return uuid4()


class PlainNumbers:
    """Numbers in E.164, and nothing else."""

    def canonical(self, phone: str) -> str:
        plain = phone.replace(" ", "")
        if not (plain.startswith("+") and plain[1:].isdigit()):
            raise NumberInvalid("This is no phone number.")
        return plain


class WaysIn:
    """Wired as in the product."""

    def __init__(
        self,
        records: Records,
        tables: MemoryTables,
        ledger: MemoryLedger,
        real_time: MemoryClock,
        blind_index: MemoryBlindIndex,
    ) -> None:
        self.records, self.tables, self.real_time, self.blind_index = records, tables, real_time, blind_index
        passwords, addresses = MemoryPasswords(), EmailValidatorAddresses()
        self.sign_ins = MemorySignIns(tables, ledger)
        self._build_post()
        password, wording = PasswordCheck(sign_ins=self.sign_ins, passwords=passwords), self.wording
        notices = Notices(letters=self.letters, real_time=self.real_time)
        self.emails = Emails(
            records=self.records,
            sign_ins=self.sign_ins,
            codes=self.codes,
            notices=notices,
            wording=wording,
            password=password,
            blind_index=self.blind_index,
            addresses=addresses,
            real_time=self.real_time,
        )
        self.new_passwords = NewPasswords(
            records=self.records,
            sign_ins=self.sign_ins,
            passwords=passwords,
            password=password,
            codes=self.codes,
            notices=notices,
            wording=wording,
            blind_index=self.blind_index,
            addresses=addresses,
            real_time=self.real_time,
        )
        self.accounts = Accounts(
            records=self.records,
            passwords=passwords,
            blind_index=self.blind_index,
            addresses=addresses,
            identifiers=self.records.identifiers,
            emails=self.emails,
        )
        self.signing_in = SigningIn(
            records=self.records,
            sign_ins=self.sign_ins,
            passwords=passwords,
            access_tokens=MemoryAccessTokens(),
            refresh_tokens=MemoryRefreshTokens(),
            blind_index=self.blind_index,
            addresses=addresses,
            real_time=self.real_time,
            identifiers=self.records.identifiers,
        )

        self.phones = Phones(
            records=self.records,
            sign_ins=self.sign_ins,
            signing_in=self.signing_in,
            codes=self.codes,
            notices=notices,
            wording=wording,
            password=password,
            blind_index=self.blind_index,
            numbers=PlainNumbers(),
            real_time=self.real_time,
            identifiers=self.records.identifiers,
        )

    def _build_post(self) -> None:
        self.vault, self.wording = MemoryVault(), Wording("https://app.example")
        sealed = SealedLetters(
            vault=self.vault,
            blind_index=self.blind_index,
            secrets=HmacCodeSecrets(MasterKeys({"m": bytes(32)})),
            identifiers=RandomIdentifiers(),
        )
        self.codes = MemoryCodes(self.tables, sealed)
        self.letters = MemoryLetters(self.tables, sealed, self.real_time, keep_texts=True)

    async def subjects(self, to: str) -> list[str]:
        """What was written to an address or a number, newest first; a text message counts by its text."""
        return [letter.subject or letter.body for letter in await self._newest_first(to)]

    async def token_for(self, email: str) -> str:
        """That of the link in the newest letter which has one."""
        return await self._in_the_newest(TOKEN, email)

    async def digits_for(self, phone: str) -> str:
        """The code in the newest text message which has one."""
        return await self._in_the_newest(DIGITS, phone)

    async def _in_the_newest(self, pattern: re.Pattern[str], to: str) -> str:
        found = [found for letter in await self._newest_first(to) if (found := pattern.search(letter.body))]
        return found[0][1]

    async def _newest_first(self, to: str) -> list[Written]:
        """Of those of one moment the last one that was written."""
        oldest_first = sorted(await self.letters.written(to, limit=20), key=lambda letter: letter.at)
        return oldest_first[::-1]
