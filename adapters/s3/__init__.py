"""S3 and CloudFront: uploads in parts into a bucket, HLS out of it, signed for a whole folder."""
