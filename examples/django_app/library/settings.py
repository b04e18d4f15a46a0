"""What Django needs to know."""

from __future__ import annotations

import os
import secrets

SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(32)
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = ["catalog"]
ROOT_URLCONF = "library.urls"
MIDDLEWARE = ["library.monitoring.Monitoring", "django.middleware.common.CommonMiddleware"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("LIBRARY_DATABASE", "library.db"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
