import { RequestFault } from './request-fault.ts';

/** What pydantic, which validates vLLM's requests, calls the ways in which a field is wrong, and says of them. */
const messages = {
  missing: 'Field required',
  model_attributes_type: 'Input should be a valid dictionary or object to extract fields from',
  dict_type: 'Input should be a valid dictionary',
  list_type: 'Input should be a valid list',
  string_type: 'Input should be a valid string',
  int_type: 'Input should be a valid integer',
  int_from_float: 'Input should be a valid integer, got a number with a fractional part',
  int_parsing: 'Input should be a valid integer, unable to parse string as an integer',
  bool_type: 'Input should be a valid boolean',
  bool_parsing: 'Input should be a valid boolean, unable to interpret input',
  greater_than_equal: 'Input should be greater than or equal to 0',
  value_error: 'Value error, the value must be positive',
  json_invalid: 'JSON decode error',
};

/** @param field Its path inside the body, as in `messages.0.role`; empty for the body itself. */
export function invalid(kind: keyof typeof messages, field: string): RequestFault {
  const location = field === '' ? 'body' : `body.${field}`;
  const message = `1 validation error:\n  {'type': '${kind}', 'loc': '${location}', 'msg': '${messages[kind]}'}`;
  return new RequestFault(400, 'Bad Request', message, location);
}

/** A body that is not announced as JSON. */
export function unsupportedMediaType(): RequestFault {
  const message = "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed";
  return new RequestFault(400, 'Bad Request', message);
}
