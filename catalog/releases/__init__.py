"""The release law: policies, gates, evidence, requests, decisions, promotions."""
