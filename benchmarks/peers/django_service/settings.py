"""Of the service; where the database is and what tokens are signed with comes by the environment."""

# pyright: reportMissingImports=false

import os
from datetime import timedelta
from pathlib import Path

SECRET_KEY = os.environ["PEER_JWT_SECRET"]
SIGNING_KEY_PEM = Path(os.environ["PEER_SIGNING_KEY_FILE"]).read_bytes()
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", __package__]
AUTH_USER_MODEL = "django_service.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = f"{__package__}.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PEER_DATABASE_HOST"],
        "PORT": os.environ["PEER_DATABASE_PORT"],
        "NAME": os.environ["PEER_DATABASE_DBNAME"],
        "USER": os.environ["PEER_DATABASE_USER"],
        "CONN_MAX_AGE": 600,
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
SIMPLE_JWT = {"USER_ID_CLAIM": "sub", "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15)}
