"""Print which HTTP clients the image holds."""

import httpx
import requests

print(f"requests {requests.__version__} from the base, httpx {httpx.__version__} on top")
