"""The hosted pages as HTML: documents without scripts, and nothing in them comes from another host."""

from datetime import UTC, datetime
from html import escape

from adapters.sandbox.stripe.money import displayed, every
from adapters.sandbox.stripe.shapes import StripeObject

STYLE = """
:root { color-scheme: light dark; --accent: #4f46e5; --line: #8884; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100%); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem 0; text-align: left; font-weight: normal; border-bottom: 1px solid var(--line); }
td { text-align: right; white-space: nowrap; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
form { display: grid; gap: .5rem; margin-top: 1rem; }
button { font: inherit; padding: .625rem; border-radius: .5rem; border: 1px solid var(--line); background: none;
  color: inherit; cursor: pointer; }
button.pay { background: var(--accent); border-color: var(--accent); color: #fff; font-weight: 600; }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice { padding: .5rem .75rem; border-left: 4px solid #b45309; background: #b4530920; margin: 0 0 1rem; }
small { opacity: .75; }
"""


def checkout(session: StripeObject) -> str:
    """What an open session asks for, and the three ways on."""
    rows = "".join(_row(line) for line in session["_lines"])
    due = displayed(session["amount_total"], session["currency"])
    body = f"""
    <h1>{"Subscribe" if session["mode"] == "subscription" else "Pay"}</h1>
    {_declined(session)}
    <table>
      <tbody>{rows}</tbody>
      <tfoot><tr><th scope="row">Due today</th><td>{due}</td></tr></tfoot>
    </table>
    {_trial(session)}
    <form method="post">
      <button class="pay" name="outcome" value="pay">{f"Pay {due}" if session["amount_total"] else "Start"}</button>
      <button name="outcome" value="decline">Decline the card</button>
      <button name="outcome" value="leave">Leave without paying</button>
    </form>
    <p><small>A simulated checkout: no money moves, and no card is asked for.</small></p>"""
    return document("Checkout", body)


def _row(line: StripeObject) -> str:
    price = line["price"]
    amount = displayed(price["unit_amount"] * line["quantity"], price["currency"])
    times = f" &times; {line['quantity']}" if line["quantity"] > 1 else ""
    return (
        f'<tr><th scope="row">{escape(line["description"])}{times}</th>'
        f"<td>{amount}{every(price['recurring'])}</td></tr>"
    )


def _declined(session: StripeObject) -> str:
    if not session["_declined"]:
        return ""
    return '<p class="notice" role="alert">Your card was declined. You have not been charged; you may try again.</p>'


def _trial(session: StripeObject) -> str:
    days = session["_subscription"].get("trial_period_days")
    if days is None:
        return ""
    return f"<p>{days} {'day' if days == 1 else 'days'} free; the first payment follows after that.</p>"


def invoice(invoice: StripeObject) -> str:
    """An invoice that has its number: what for, how much, and whether it is paid."""
    rows = "".join(
        f'<tr><th scope="row">{escape(line["description"])}</th>'
        f"<td>{displayed(line['amount'], line['currency'])}</td></tr>"
        for line in invoice["lines"]["data"]
    )
    body = f"""
    <h1>Invoice {escape(invoice["number"])}</h1>
    <p>{day(invoice["created"])}: {escape(invoice["status"])}</p>
    <table>
      <tbody>{rows}</tbody>
      <tfoot><tr><th scope="row">Total</th><td>{displayed(invoice["total"], invoice["currency"])}</td></tr></tfoot>
    </table>"""
    return document("Invoice", body)


def day(at: int) -> str:
    """`31 January 2026`."""
    return datetime.fromtimestamp(at, UTC).strftime("%-d %B %Y")


def notice(title: str, text: str, *, link: str | None = None) -> str:
    """A page that only says something, and perhaps leads on."""
    onward = f'<p><a href="{escape(link)}">Continue</a></p>' if link else ""
    return document(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{onward}")


def document(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{escape(title)} (simulated)</title>
  <link rel="icon" href="data:,">
  <style>{STYLE}</style>
</head>
<body>
  <main>{body}</main>
</body>
</html>
"""
