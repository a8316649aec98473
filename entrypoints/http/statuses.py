"""Which status each refusal and each error has: the domain speaks no HTTP, so it is said here, once."""

from application import (
    account_admin,
    buying,
    countries,
    customers,
    emails,
    erasing,
    errors,
    new_passwords,
    password_rules,
    phones,
    plans,
    playback,
    return_urls,
)
from application.ports import codes, deliveries, idempotency, ledger, letters, secrets, throttles, video_platform
from domain.access import access
from domain.account import by_hand, contacts, erasure
from domain.account import customers as account_customers
from domain.payment import refunding
from domain.plan import plan
from domain.prepaid import prepaid
from domain.subscription import subscription
from domain.video import video

STATUSES: dict[type[Exception], int] = {
    # The domain's refusals.
    access.AccountBlocked: 403,
    access.PlanUpgradeRequired: 402,
    access.SubscriptionRequired: 402,
    account_customers.CustomerBoundElsewhere: 409,
    contacts.EmailTaken: 409,
    erasure.AccountErased: 409,
    contacts.PhoneTaken: 409,
    account_customers.TooManyCustomers: 409,
    by_hand.EndInThePast: 422,
    by_hand.EndTooFarAhead: 422,
    by_hand.TooManyByHand: 409,
    plan.PlanNotForSale: 409,
    plan.PrepaidHasNoTrial: 422,
    plan.PrepaidNeedsDuration: 422,
    plan.PriceDoesNotMatch: 422,
    prepaid.RenewalWindowClosed: 409,
    refunding.PaymentNotRefundable: 422,
    refunding.RefundCurrencyDiffers: 422,
    refunding.RefundExceedsPayment: 422,
    subscription.AlreadyOnPlan: 409,
    subscription.AlreadySubscribed: 409,
    subscription.CurrencyDiffers: 422,
    subscription.NoSubscription: 404,
    subscription.PaymentOutstanding: 409,
    subscription.PlanDoesNotRenew: 422,
    subscription.SubscriptionAmbiguous: 409,
    subscription.SubscriptionOver: 409,
    video.UploadNotExpected: 409,
    video.VideoNotReady: 409,
    # The use cases'.
    account_admin.LastAdmin: 409,
    countries.NotInYourCountry: 403,
    customers.CustomerUnknown: 422,
    emails.EmailInvalid: 422,
    emails.InvalidToken: 422,
    new_passwords.RecentSignInNeeded: 403,
    password_rules.WeakPassword: 422,
    password_rules.WrongPassword: 403,
    phones.InvalidCode: 422,
    phones.PhoneInvalid: 422,
    erasing.OneProofNeeded: 422,
    return_urls.ReturnUrlNotAllowed: 422,
    buying.NothingBought: 404,
    plans.PriceTaken: 409,
    playback.SessionEnded: 403,
    playback.TooManyStreams: 409,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.NotSignedIn: 401,
    errors.ProviderRefused: 422,
    errors.Unavailable: 503,
    errors.UnknownPosition: 400,
    # The ports'.
    deliveries.EventMalformed: 400,
    deliveries.SignatureInvalid: 400,
    codes.TooManyCodes: 429,
    idempotency.IdempotencyKeyReused: 422,
    idempotency.RequestInProgress: 409,
    ledger.FactNotReadable: 500,
    ledger.StreamMoved: 409,
    ledger.RowMoved: 409,
    ledger.RowTaken: 409,
    letters.ChannelClosed: 422,
    secrets.TooBusy: 503,
    throttles.RateLimited: 429,
    video_platform.MediaRefused: 403,
    video_platform.PartsInvalid: 422,
    video_platform.StorageFull: 507,
    video_platform.UploadLinkInvalid: 403,
    video_platform.UploadStalled: 408,
    video_platform.UploadTooLarge: 413,
}

CODES: dict[type[Exception], str] = {
    deliveries.SignatureInvalid: "invalid_signature",
    codes.TooManyCodes: "rate_limited",
    ledger.RowMoved: "stream_moved",
    ledger.RowTaken: "stream_moved",
    video_platform.UploadLinkInvalid: "invalid_upload_link",
}

SPOKEN: dict[type[Exception], str] = {
    # What these say is for the log, or of no use to a client.
    deliveries.EventMalformed: "It is signed, and still no event that can be kept.",
    deliveries.SignatureInvalid: "The signature is not the provider's, or is out of its time.",
    errors.ReadModelMoved: "This server is being updated; try again.",
    letters.ChannelClosed: "No messages of this kind go out from here.",
    ledger.RowMoved: "Somebody else changed it at the same moment; try again.",
    ledger.RowTaken: "Somebody else changed it at the same moment; try again.",
    ledger.StreamMoved: "Somebody else changed it at the same moment; try again.",
    secrets.TooBusy: "Too many are signing in at this moment; try again.",
    video_platform.MediaRefused: "This link is not good for that, or is over.",
    video_platform.UploadLinkInvalid: "This upload link is not good for that video, or is over.",
    video_platform.StorageFull: "There is no room for this file here at the moment.",
    video_platform.UploadStalled: "Nothing came for too long; send the file again.",
    video_platform.UploadTooLarge: "The file is larger than this platform takes.",
}
