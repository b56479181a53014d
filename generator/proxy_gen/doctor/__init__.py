"""What ``proxy-gen doctor`` does: ask a running hub from outside, judge the answers, write them."""
