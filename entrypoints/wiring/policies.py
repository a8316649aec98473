"""The policies: what follows from facts, in the order in which they take turns."""

from application.dunning import Dunning
from application.plans import Plans
from application.policies.after_erasure import (
    when_erased_delete_the_customers,
    when_erased_end_what_starts,
    when_erased_pay_back,
    when_erased_shut_the_page,
)
from application.policies.captioning import when_captions_changed_show_them
from application.policies.deleting import when_video_deleted_remove_it
from application.policies.dunning import (
    when_payment_failed_tell_the_viewer,
    when_payment_waits_tell_the_viewer,
    when_provider_gave_up_tell_the_viewer,
)
from application.policies.duplicates import (
    when_duplicate_found_refund_newer,
    when_prepaid_duplicated_refund_it,
)
from application.policies.policy import Policy
from application.policies.pricing import when_price_requested_settle_it
from application.policies.transcoding import when_upload_received_transcode
from application.policies.uploads import when_upload_granted_cancel_the_earlier
from entrypoints.wiring.ports import Ports
from entrypoints.wiring.selling import Selling
from entrypoints.wiring.watching import Watching


def every_policy(ports: Ports, plans: Plans, dunning: Dunning, sold: Selling, films: Watching) -> list[Policy]:
    return [
        when_upload_received_transcode(ports.jobs),
        when_captions_changed_show_them(films.platform_work),
        when_upload_granted_cancel_the_earlier(films.platform_work),
        when_video_deleted_remove_it(films.platform_work),
        when_price_requested_settle_it(plans),
        when_duplicate_found_refund_newer(sold.duplicates),
        when_prepaid_duplicated_refund_it(sold.duplicates),
        when_erased_shut_the_page(sold.after_erasure),
        when_erased_end_what_starts(sold.after_erasure),
        when_erased_pay_back(sold.after_erasure),
        when_erased_delete_the_customers(sold.after_erasure),
        when_payment_failed_tell_the_viewer(dunning),
        when_payment_waits_tell_the_viewer(dunning),
        when_provider_gave_up_tell_the_viewer(dunning),
    ]
