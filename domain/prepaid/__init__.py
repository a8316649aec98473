"""What was bought for a number of days."""
