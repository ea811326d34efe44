"""FHIR R4 in: a patient's record to a case, with a line for every resource."""
