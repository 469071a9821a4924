#!/bin/sh
# SPDX-License-Identifier: MIT
# A helper that never finishes, to be killed.
exec sleep 100
