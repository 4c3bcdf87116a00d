"""Circuits as files that other tools read: EAP-IG's JSON and .pt both ways (`eap_ig`), GraphML and DOT for drawing."""
