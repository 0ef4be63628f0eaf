-- Flights of {country} ({country_code}): the columns and airports come from its parameters.
SELECT {flight_columns}
FROM {flights_table} AS f
WHERE f.origin IN ({origins})
