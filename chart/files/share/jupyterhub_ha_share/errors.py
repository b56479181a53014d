"""What may go wrong, and what those who asked are told."""

from __future__ import annotations

from http import HTTPStatus


class SharingError(Exception):
    """Base of all; the message is for the visitor, `status` for the browser."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class RefusedError(SharingError):
    """It is no notebook, or none that can be shown."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooLargeError(SharingError):
    """The notebook is larger than the service takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class FullError(SharingError):
    """This visitor, or all together, share as much as they may."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class NotSharedError(SharingError):
    """There is no such notebook, or not any more, or it is somebody else's."""

    status = HTTPStatus.NOT_FOUND


class StorageError(SharingError):
    """The storage cannot be used; the message says how to make it usable."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
