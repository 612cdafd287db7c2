"""Changes the deciding code at single points and counts how many changes the tests notice."""
