#!/bin/sh
# Keeps a line of each alarm in a book, $ALARM_BOOK or alarms.log of the home folder. Called by the alarm agent, which gives
# the alarm in the environment (docs/alarms.md, Actions).
printf '%s %s %s: %s\n' "$(date -u +%FT%TZ)" "$OCS_ALARM_WHAT" "$OCS_ALARM_NAME" "$OCS_ALARM_TEXT" \
  >>"${ALARM_BOOK:-$HOME/alarms.log}"
