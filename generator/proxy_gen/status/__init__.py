"""What ``proxy-gen status`` does: ask a release on Kubernetes, judge what it says, write it."""
