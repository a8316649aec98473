"""S3 and CloudFront, against moto's server in a process of its own."""
