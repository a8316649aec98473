"""What somebody would try who means harm: the abuse cases AB-01 to AB-44, over HTTP, on one and on two API processes.

Each test names its case by `@pytest.mark.abuse("AB-07")`; `cases.py` lists all cases, with what tries them.
`STREAMLY_ABUSE_ROUNDS=50` tries each race so often.
"""
