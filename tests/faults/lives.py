"""What the writers tell: videos, plans and subscriptions that go on for ever, a fact to each version of a stream."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

from application.ports.ledger import Write
from domain.account.account import AccountRegistered, RoleChanged
from domain.plan.plan import PlanCreated, PriceBound
from domain.shared.fact import Fact
from domain.shared.identity import derived_id
from domain.shared.plan_terms import PlanTerms
from domain.subscription.facts import SubscriptionRenewed, SubscriptionStarted
from domain.video.facts import Rendition, VideoCreated, VideoMadeReady, VideoPublished, VideoUnpublished
from tests.people import COOKING, MONDAY, NEXT_MONTH

AWKWARD = ("null", "", "a,b", 'q"q', "b\\s", "line\nbreak", "tab\t", "\\.", "é漢🙂", "'", "[1]", "{}")
READY_AT = 2
"""The version at which a video is ready; from then on it is published and taken back in turns."""


class Life:
    """One or two streams that move together, and their versions."""

    def __init__(self, *streams: UUID) -> None:
        self.streams = streams
        self.versions = [0] * len(streams)

    def next(self, dice: Random) -> list[Write]:
        """What happens next."""
        raise NotImplementedError

    def written(self, writes: Sequence[Write]) -> None:
        """The ledger has taken it."""
        after = {write.stream: write.expected_version + len(write.facts) for write in writes}
        before = zip(self.streams, self.versions, strict=True)
        self.versions = [after.get(stream, version) for stream, version in before]


class VideoLife(Life):
    """A video: created, made ready, published, taken back, published ..."""

    def next(self, dice: Random) -> list[Write]:
        stream, version = self.streams[0], self.versions[0]
        # Two at once for some: what an append holds of one stream stays together too.
        count = 2 if version >= READY_AT and dice.random() < 0.2 else 1
        return [Write(stream, version, [video_fact(stream, version + each, dice) for each in range(count)])]

    @property
    def published(self) -> bool:
        """What the facts so far say of it."""
        version = self.versions[0]
        return version > READY_AT and (version - READY_AT) % 2 == 1


def video_fact(video_id: UUID, version: int, dice: Random) -> Fact:
    """The fact that takes a video from that version to the next, whoever writes it."""
    if version == 0:
        return VideoCreated(
            fact_id=uuid4(),
            video_id=video_id,
            title=dice.choice(AWKWARD),
            description=dice.choice(AWKWARD),
            category=dice.choice(AWKWARD),
            access=dice.choice(["free", "subscribers"]),
            requires=dice.choice([None, "hd"]),
            platform="local",
        )
    if version < READY_AT:
        renditions = (Rendition(480, 900_000), Rendition(720, 2_000_000))
        return VideoMadeReady(
            fact_id=uuid4(),
            video_id=video_id,
            playback_id=video_id.hex,
            duration_seconds=dice.randrange(10**6) / 1000,
            renditions=renditions,
        )
    kind = VideoUnpublished if (version - READY_AT) % 2 else VideoPublished
    return kind(fact_id=uuid4(), video_id=video_id)


class PlanLife(Life):
    """A plan that gets one price after another."""

    def next(self, dice: Random) -> list[Write]:
        stream, version = self.streams[0], self.versions[0]
        return [Write(stream, version, [self._fact(stream, version, dice)])]

    @staticmethod
    def _fact(plan_id: UUID, version: int, dice: Random) -> Fact:
        if version == 0:
            terms = PlanTerms(plan_id=plan_id, name=dice.choice(AWKWARD), price=COOKING.price, interval="month")
            return PlanCreated(
                fact_id=uuid4(), terms=terms, description=dice.choice(AWKWARD), trial_days=0, duration_days=None
            )
        # At another provider than ours, so that nobody asks ours about it.
        return PriceBound(
            fact_id=uuid4(), plan_id=plan_id, provider="elsewhere", price_id=f"price_{version}", price=COOKING.price
        )


class SubscriberLife(Life):
    """Somebody who registers and subscribes in one append over two streams, and renews for ever."""

    def __init__(self, account_id: UUID) -> None:
        super().__init__(account_id, derived_id("subscription", "faults", account_id))

    def next(self, dice: Random) -> list[Write]:
        (account, subscription), (at, since) = self.streams, self.versions
        if since == 0:
            return [Write(account, at, [self._registered()]), Write(subscription, since, [self._started()])]
        renewed = Write(subscription, since, [self._renewed(since)])
        # Their role changes with every other renewal, on the other stream.
        return [Write(account, at, [self._role_changed(at)]), renewed] if dice.random() < 0.5 else [renewed]

    def _registered(self) -> Fact:
        account = self.streams[0]
        email = f"{account}@example.com"
        return AccountRegistered(fact_id=uuid4(), account_id=account, email=email, name="Anna", role="viewer")

    def _role_changed(self, version: int) -> Fact:
        before, after = ("viewer", "support") if version % 2 else ("support", "viewer")
        return RoleChanged(fact_id=uuid4(), account_id=self.streams[0], before=before, after=after)  # type: ignore[arg-type]  # two of the roles

    def _started(self) -> Fact:
        account, subscription = self.streams
        return SubscriptionStarted(
            fact_id=uuid4(),
            account_id=account,
            subscription_id=subscription,
            provider="elsewhere",
            provider_reference=f"sub_{subscription}",
            customer_id=f"cus_{account}",
            plan=COOKING,
            price_id="price_1",
            status="active",
            started_at=MONDAY,
            period_start=MONDAY,
            period_end=NEXT_MONTH,
            trial_end=None,
            ends_at=None,
            lease_until=NEXT_MONTH,
        )

    def _renewed(self, version: int) -> Fact:
        account, subscription = self.streams
        end = NEXT_MONTH + timedelta(days=30 * version)
        return SubscriptionRenewed(
            fact_id=uuid4(),
            account_id=account,
            subscription_id=subscription,
            period_start=end - timedelta(days=30),
            period_end=end,
            before_period_end=end - timedelta(days=30),
            trial_end=None,
            lease_until=end + timedelta(days=2),
        )
